"""What an artifact's `config.json` says, checked when it is read."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from xlnas_jax.config.export import Dtype
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.windows import DOC_STRIDE
from xlnas_jax.export.params import LayerSize, to_size
from xlnas_jax.files import read_json
from xlnas_jax.languages.codes import normalise
from xlnas_jax.space.cost import HeadSize
from xlnas_jax.space.shape import POOLINGS, SOME, EncoderShape
from xlnas_jax.supernet.families.registry import FAMILIES, SCRATCH, shape_from
from xlnas_jax.supernet.stages.registry import (
    GROUPED,
    PRETRAINED,
    STAGES,
    in_words,
    stages_with,
)
from xlnas_jax.tasks.answers import MAX_TOKENS
from xlnas_jax.types import CheckpointError, ConfigError, brief

FORMAT = 2
KIND = "xlnas_subnet"
FILE = "config.json"
TASKS = ("classification", "tagging", "qa", "retrieval")
# Whose networks have no names for what they say; and those that read sentences.
NAMELESS, OF_SENTENCES = ("qa", "retrieval"), ("classification", "retrieval")
# Entries that only artifacts of question answering have.
ANSWERING = ("doc_stride", "max_answer_tokens")
CENTERS = "centers"
WORDS, WORD_SHARE = "words", "word_share"
# Of weights, where they are not in float32; absent in the file otherwise.
DTYPE, FLOAT = "dtype", "fp32"
# Far above any encoder, so small that the product of any four counts no overflow.
MOST = {
    "vocab_size": 1 << 24,
    "width": 1 << 16,
    "num_layers": 1 << 10,
    "num_heads": 1 << 10,
    "head_dim": 1 << 12,
    "ffn": 1 << 18,
    "max_positions": 1 << 20,
    "num_segments": 1 << 10,
    "position_offset": 1 << 20,
    "pad_id": 1 << 24,
}
# Of any kind of unit.
MOST_UNITS = 1 << 18
DEFAULT_KNOBS = tuple(name for stage in PRETRAINED for name in stage.knobs)
_GROUPED = tuple(name for stage in GROUPED for name in stage.knobs)
# Of bases of angles, which are the largest numbers among what some families have.
_MOST_SIZE = 1e12
FROM_ZERO = ("position_offset", "pad_id")


@dataclass(frozen=True)
class Manifest:
    """All that is needed to rebuild a network around its weights.

    Attributes:
        task: its kind, which says too whether the head reads tokens.
        labels: names of the classes or tags; none of question answering and
            retrieval.
        shape: the full encoder that the network was cut from.
        layers: size of every kept layer.
        languages: the role of each language during the search.
        own_heads: languages with an output layer of their own, in its order.
        doc_stride, max_answer_tokens: of question answering, how contexts are cut
            into windows, and the longest answer.
        centers: of retrieval, languages whose means the artifact has; absent in the
            file where it has none.
        dtype: of the weights as they are written.
        word_share: of every language's tokens, the share whose pieces have a row of
            the word table of their own; None where all have. Which row each piece has
            lies beside it.
    """

    task: str
    labels: tuple[str, ...]
    shape: EncoderShape
    layers: tuple[LayerSize, ...]
    pooling: str
    max_length: int
    languages: Mapping[str, Any]
    own_heads: tuple[str, ...] = ()
    doc_stride: int = DOC_STRIDE
    max_answer_tokens: int = MAX_TOKENS
    centers: tuple[str, ...] = ()
    dtype: Dtype = FLOAT
    word_share: float | None = None

    @property
    def source(self) -> str:
        """Canonical code of the source language; empty where no role names it."""
        code = self.languages.get("source", "")
        return normalise(code) if isinstance(code, str) and code else ""

    @property
    def head(self) -> HeadSize:
        """Size and kind of the network's head."""
        outputs = {"qa": 2, "retrieval": self.shape.width}
        return HeadSize(
            num_outputs=outputs.get(self.task, len(self.labels)),
            reads_tokens=self.task not in OF_SENTENCES,
            num_languages=len(self.own_heads),
            gives_vectors=self.task == "retrieval",
        )

    def to_json(self) -> str:
        """The text of `config.json`."""
        fields = dataclasses.asdict(self)
        if self.task != "qa":
            for name in ANSWERING:
                del fields[name]
        if not self.centers:
            del fields[CENTERS]
        if self.dtype == FLOAT:
            del fields[DTYPE]
        if self.word_share is None:
            del fields[WORD_SHARE]
        fields["shape"] = self.shape.as_dict()
        fields["layers"] = [dict(size) for size in self.layers]
        content = {"format": FORMAT, "kind": KIND, **fields}
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        return text + "\n"


def peek(directory: Path) -> dict[str, Any] | None:
    """What `config.json` holds; None where there is no such file."""
    file = directory / FILE
    if not file.is_symlink() and not file.exists():
        return None
    return read_json(file, CheckpointError, "Restore the file.", follow=False)


def read_manifest(directory: Path) -> Manifest:
    """Reads and checks `config.json`.

    Raises:
        CheckpointError: there is none, or it is of another format or incomplete.
    """
    file = directory / FILE
    content = peek(directory) or {}
    if type(content.get("format")) is not int or content["format"] != FORMAT:
        raise CheckpointError(
            f"{file}: format must be {FORMAT}; got {brief(content.get('format'))}. "
            f"Load it with the version of xlnas_jax that wrote it, or export it again."
        )
    try:
        manifest = _parse(content)
        _check(manifest)
    except ValueError as error:
        raise CheckpointError(
            f"{file}: must describe one network completely; got {error}. Export the "
            f"model again."
        ) from error
    return manifest


def _parse(content: Mapping[str, Any]) -> Manifest:
    """A manifest whose entries have the types that they are said to have."""
    names = {field.name for field in dataclasses.fields(Manifest)}
    needed = names - {*ANSWERING, CENTERS, DTYPE, WORD_SHARE}
    _require_known(content, names | {"format", "kind"}, needed)
    if content.get("kind") != KIND:
        raise ValueError(f"kind {brief(content.get('kind'))}")
    given = {name: content[name] for name in ANSWERING if name in content}
    for name, value in given.items():
        _count(name, value, 1, 1 << 30)
    return Manifest(
        task=_one_of("task", content["task"], TASKS),
        labels=_texts("labels", content["labels"]),
        shape=_parse_shape(content["shape"]),
        layers=_parse_layers(content["layers"]),
        pooling=_one_of("pooling", content["pooling"], POOLINGS),
        max_length=_count(
            "max_length", content["max_length"], 1, MOST["max_positions"]
        ),
        languages=_parse_languages(content["languages"]),
        own_heads=_codes("own_heads", content["own_heads"]),
        centers=_codes(CENTERS, content.get(CENTERS, [])),
        dtype=_dtype(content.get(DTYPE, FLOAT)),
        word_share=_share(content.get(WORD_SHARE)),
        **given,
    )


def _parse_shape(content: Any) -> EncoderShape:
    names = {field.name for field in dataclasses.fields(EncoderShape)} - {"spec", WORDS}
    _require_known(content, names, names - set(SOME), "shape.")
    for name in set(SOME) & set(content):
        _require_size(f"shape.{name}", content[name])
    for name, most in MOST.items():
        _count(f"shape.{name}", content[name], int(name not in FROM_ZERO), most)
    epsilon = content["norm_epsilon"]
    if not isinstance(epsilon, float) or not 0.0 < epsilon < 1.0:
        raise ValueError(f"shape.norm_epsilon {brief(epsilon)}, not between 0 and 1")
    _one_of("shape.family", content["family"], (SCRATCH, *FAMILIES))
    return shape_from(content)


def _require_size(name: str, value: Any) -> None:
    """Of a size that only some families have: numbers that are not below 0."""
    every = value if isinstance(value, list) else [value]
    kinds = (int, float) if name.endswith("theta") else (int,)
    if not all(type(one) in kinds and 0 <= one <= _MOST_SIZE for one in every):
        raise ValueError(f"{name} {brief(value)}, no numbers from 0 to {_MOST_SIZE:g}")


def _parse_layers(content: Any) -> tuple[LayerSize, ...]:
    if not isinstance(content, list):
        raise ValueError(f"layers {brief(content)}, no list")
    for i, size in enumerate(content):
        names = set(size) if isinstance(size, dict) else set()
        known = {name for one in stages_with(names) for name in one.knobs}
        # Every layer is a chain of known stages, those of pretrained encoders among it.
        has_all = any(known.issuperset(all) for all in (DEFAULT_KNOBS, _GROUPED))
        is_chain = known == names and has_all
        needed = known if is_chain else {*DEFAULT_KNOBS}
        _require_known(size, needed, needed, f"layers[{i}].")
        for name in sorted(names):
            _count(f"layers[{i}].{name}", size[name], 0, MOST_UNITS)
        if set(content[0]) != names:
            raise ValueError(f"layers[{i}] of other knobs than the first")
    return tuple(to_size(size) for size in content)


def _parse_languages(content: Any) -> Mapping[str, Any]:
    """Codes by role, as the user spelled them."""
    if not isinstance(content, dict):
        raise ValueError(f"languages {brief(content)}, no roles")
    for role, codes in content.items():
        _codes(f"languages.{role}", [codes] if isinstance(codes, str) else codes)
    return content


def _require_known(
    content: Any, known: set[str], needed: set[str], prefix: str = ""
) -> None:
    """An error unless it is an object with these entries alone."""
    if not isinstance(content, dict):
        raise ValueError(f"{prefix or 'it '}{brief(content)}, no object")
    for name in sorted(needed - content.keys()):
        raise ValueError(f"no {(prefix + name)!r}")
    for name in sorted(content.keys() - known):
        raise ValueError(f"{brief(prefix + name)}, which is not known")


def _count(name: str, value: Any, least: int, most: int) -> int:
    # `True` is an `int` too, though never in a count.
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} {brief(value)}, no count of {least} to {most}")
    return value


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{name} {brief(value)} (known: {', '.join(known)})")
    return value


def _dtype(value: Any) -> Dtype:
    known = get_args(Dtype)
    return known[known.index(_one_of(DTYPE, value, known))]


def _share(value: Any) -> float | None:
    if value is None or (type(value) is float and 0 <= value < 1):
        return value
    raise ValueError(f"{WORD_SHARE} {brief(value)}, no share below 1")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """Distinct texts, none of them empty."""
    is_list = isinstance(value, list)
    if not is_list or not all(isinstance(one, str) and one.strip() for one in value):
        raise ValueError(f"{name} {brief(value)}, no list of texts")
    if len({*value}) < len(value):
        raise ValueError(f"{name} {brief(value)}, one of them twice")
    return tuple(value)


def _codes(name: str, value: Any) -> tuple[str, ...]:
    """Codes of languages, in one spelling."""
    try:
        return _texts(name, [normalise(code) for code in _texts(name, value)])
    except ConfigError as error:
        raise ValueError(f"{name} {brief(value)}: {brief(str(error))}") from error


def _check(manifest: Manifest) -> None:
    """Entries that would not fit each other."""
    shape = manifest.shape
    full = {
        knob.name: int(knob.choices[-1])
        for stage in STAGES
        for knob in stage.make_knobs(SpaceConfig(), shape)
    }
    for size in map(dict, manifest.layers):
        if any(value > full.get(name, value) for name, value in size.items()):
            raise ValueError(f"a layer of {in_words(size)}")
    if len(manifest.layers) > shape.num_layers:
        raise ValueError(f"{len(manifest.layers)} layers of {shape.num_layers}")
    if bool(manifest.labels) == (manifest.task in NAMELESS):
        raise ValueError(
            f"labels {brief(list(manifest.labels))} for task {manifest.task!r}"
        )
    if manifest.centers and manifest.task != "retrieval":
        raise ValueError(f"centers for task {manifest.task!r}")
    if shape.pad_id >= shape.vocab_size:
        raise ValueError(f"shape.pad_id {shape.pad_id} of {shape.vocab_size} ids")
    if manifest.max_length > shape.max_length:
        raise ValueError(
            f"max_length {manifest.max_length} (positions: {shape.max_length})"
        )
