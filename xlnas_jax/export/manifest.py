"""What an artifact's `config.json` says, checked when it is read."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlnas_jax.data.windows import DOC_STRIDE
from xlnas_jax.export.params import LayerSize
from xlnas_jax.languages import normalise
from xlnas_jax.space.cost import HeadSize
from xlnas_jax.space.shape import POOLINGS, EncoderShape
from xlnas_jax.tasks.answers import MAX_TOKENS
from xlnas_jax.types import CheckpointError

FORMAT = 1
KIND = "xlnas_subnet"
FILE = "config.json"
TASKS = ("classification", "tagging", "qa")
# Entries that only artifacts of question answering have.
ANSWERING = ("doc_stride", "max_answer_tokens")


@dataclass(frozen=True)
class Manifest:
    """All that is needed to rebuild a network around its weights.

    Attributes:
        task: its kind, which says too whether the head reads tokens.
        labels: names of the classes or tags; none of question answering.
        shape: the full encoder that the network was cut from.
        layers: size of every kept layer.
        languages: the role of each language during the search.
        own_heads: languages with an output layer of their own, in its order.
        doc_stride, max_answer_tokens: of question answering, how contexts are cut
            into windows, and the longest answer.
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

    @property
    def head(self) -> HeadSize:
        """Size and kind of the network's head."""
        is_answering = self.task == "qa"
        return HeadSize(
            num_outputs=2 if is_answering else len(self.labels),
            reads_tokens=self.task != "classification",
            num_languages=len(self.own_heads),
        )

    def to_json(self) -> str:
        """The text of `config.json`."""
        fields = dataclasses.asdict(self)
        if self.task != "qa":
            for name in ANSWERING:
                del fields[name]
        fields["layers"] = [size._asdict() for size in self.layers]
        content = {"format": FORMAT, "kind": KIND, **fields}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def is_artifact(directory: Path) -> bool:
    """True for an exported model, also one of another format."""
    try:
        content = _read_object(directory / FILE)
    except CheckpointError:
        return False
    return content is not None and content.get("kind") == KIND


def artifacts_in(directory: Path) -> tuple[str, ...]:
    """Names of the exported models right below a directory."""
    folders = sorted(path for path in directory.iterdir() if path.is_dir())
    return tuple(folder.name for folder in folders if is_artifact(folder))


def read_manifest(directory: Path) -> Manifest:
    """Reads and checks `config.json`.

    Raises:
        CheckpointError: there is none, or it is of another format or incomplete.
    """
    file = directory / FILE
    content = _read_object(file)
    if content is None or content.get("kind") != KIND:
        raise CheckpointError(
            f"{directory}: an exported model must hold {FILE} with kind "
            f"{KIND!r}; got {'no such file' if content is None else 'another'}. "
            f"Give the directory that `xlnas export` or a search wrote."
        )
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{file}: format must be {FORMAT}; got {content.get('format')!r}. Load it "
            f"with the version of xlnas_jax that wrote it, or export it again."
        )
    try:
        manifest = _parse(content)
        _check(manifest)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(
            f"{file}: must describe one network completely; got {reason}. Export the "
            f"model again."
        ) from error
    return manifest


def _read_object(file: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file."""
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{file}: must be a JSON object; got: {error}. Restore the file."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{file}: must be a JSON object; got {type(content).__name__}. Restore "
            f"the file."
        )
    return content


def _parse(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        task=content["task"],
        labels=tuple(content["labels"]),
        shape=EncoderShape(**content["shape"]),
        layers=tuple(LayerSize(**size) for size in content["layers"]),
        pooling=content["pooling"],
        max_length=content["max_length"],
        languages=content["languages"],
        own_heads=tuple(normalise(code) for code in content.get("own_heads", ())),
        **{name: content[name] for name in ANSWERING if name in content},
    )


def _check(manifest: Manifest) -> None:
    """Values that would only fail later, and less clearly."""
    shape = manifest.shape
    for field in dataclasses.fields(shape):
        value = getattr(shape, field.name)
        is_sound = isinstance(value, int) and value >= 0
        if field.type is int and not is_sound:
            raise ValueError(f"shape.{field.name} {value!r}")
    for heads, ffn in manifest.layers:
        if not 1 <= heads <= shape.num_heads or not 1 <= ffn <= shape.ffn:
            raise ValueError(f"a layer of {heads} heads and {ffn} neurons")
    if manifest.task not in TASKS:
        raise ValueError(f"task {manifest.task!r} (known: {', '.join(TASKS)})")
    if bool(manifest.labels) == (manifest.task == "qa"):
        raise ValueError(f"labels {list(manifest.labels)} for task {manifest.task!r}")
    if len({*manifest.own_heads}) < len(manifest.own_heads):
        raise ValueError(f"own_heads {list(manifest.own_heads)}, one of them twice")
    for name in ANSWERING:
        value = getattr(manifest, name)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} {value!r}")
    if manifest.pooling not in POOLINGS:
        raise ValueError(f"pooling {manifest.pooling!r} (known: {', '.join(POOLINGS)})")
    if not 1 <= manifest.max_length <= shape.max_length:
        raise ValueError(
            f"max_length {manifest.max_length} (positions: {shape.max_length})"
        )
