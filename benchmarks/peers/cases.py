"""What every system is given: weights, candidates and sentences, by fixed seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from worker import Case, save_case

from xlnas_jax.config.reading.file import load_config
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.evaluation.prefixes import shared_work
from xlnas_jax.experiment.arrays import heldout_data
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams

NUM_LABELS = 7
# Small, so that whittle's output layer, which reads every token, is little work.
VOCABULARY = 128
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "sib200_minilm.yaml"
# DyNAS-T's loader keeps as many tokens.
LONGEST = 128


@dataclass(frozen=True)
class Setting:
    """An encoder, what of it is elastic, and how many candidates are scored."""

    name: str
    width: int
    layers: int
    num_heads: int
    ffn_size: int
    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    min_layers: int
    candidates: int

    @property
    def shape(self) -> EncoderShape:
        """Sizes of the full encoder; those of BERT where nothing else is said."""
        return EncoderShape(
            vocab_size=VOCABULARY,
            width=self.width,
            num_layers=self.layers,
            num_heads=self.num_heads,
            head_dim=self.width // self.num_heads,
            ffn=self.ffn_size,
            max_positions=LONGEST,
            num_segments=2,
            position_offset=0,
            pad_id=0,
            norm_epsilon=1e-12,
        )


QUARTERS_256, QUARTERS_384 = (256, 512, 768, 1024), (384, 768, 1152, 1536)
SETTINGS = (
    Setting("6x256", 256, 6, 4, 1024, (1, 2, 3, 4), QUARTERS_256, 3, 16),
    Setting("6x384", 384, 6, 12, 1536, (4, 6, 8, 12), QUARTERS_384, 3, 8),
    # DyNAS-T's own space.
    Setting("12x768", 768, 12, 12, 3072, (6, 8, 10, 12), (1024, 2048, 3072), 6, 4),
)
TINY = Setting("2x32", 32, 2, 2, 64, (1, 2), (32, 64), 1, 4)
LANGUAGES = ("fr", "es", "de", "pt", "sw")
SIB200 = "SIB-200 dev sets of " + ", ".join(LANGUAGES)


@dataclass(frozen=True, eq=False)
class Made:
    """A case with what its report says of it.

    Attributes:
        flops: of each candidate, on all sentences without padding.
        shared: share of the candidates' encoder work that more than one does.
    """

    name: str
    case: Case
    flops: np.ndarray
    shared: float

    @property
    def num_tokens(self) -> int:
        """Real tokens of all sentences."""
        return int(self.case.length.sum())

    def save(self, folder: Path) -> dict[str, str]:
        """Writes the files that a worker's request to load names."""
        case, weights = folder / "case.npz", folder / "weights.npz"
        save_case(case, self.case)
        np.savez(weights, **self.case.weights)
        return {"case": str(case), "weights": str(weights)}


def name_of(path: Any) -> str:
    """A leaf's name, from the names of the fields that lead to it."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def abstract_params(shape: EncoderShape, num_labels: int) -> SupernetParams:
    """Shapes of all weights, without any."""

    def build() -> SupernetParams:
        head = init_head(None, shape, num_labels)
        return SupernetParams(init_encoder(None, shape), head)

    return jax.eval_shape(build)


def random_weights(
    shape: EncoderShape, num_labels: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Normal weights of a size at which every part moves the logits.

    At a real start (0.02) a wrong slice would hardly show in them.
    """
    rng = np.random.default_rng(seed)
    weights = {}
    tree = jax.tree_util.tree_leaves_with_path(abstract_params(shape, num_labels))
    for path, leaf in tree:
        name = name_of(path)
        value = rng.standard_normal(leaf.shape, np.float32)
        if name.endswith("kernel"):
            inputs = shape.ffn if ".down." in name else shape.width
            value *= inputs**-0.5
        elif name.endswith(("bias", "scale")):
            value = 0.1 * value + np.float32(name.endswith("scale"))
        weights[name] = value
    return weights


def draw(space: SearchSpace, num: int, seed: int = 0) -> np.ndarray:
    """Random candidates as flattened choice indices; the layers kept are the first.

    Each layer can be skipped in ours, but DyNAS-T and whittle only know how many.
    """
    rng = np.random.default_rng(seed)
    layers = space.knob("keep").sites
    depth = rng.integers(space.min_layers, layers, num, endpoint=True)
    rows = rng.integers(space.num_choices, size=(num, len(space.num_choices)))
    rows[:, space.columns("keep")] = np.arange(layers) < depth[:, None]
    return rows.astype(np.int32)


def synthetic(setting: Setting, sentences: int, tokens: int) -> Made:
    """Random sentences of one length under random weights."""
    rng = np.random.default_rng(1)
    sizes = {"heads": setting.heads, "ffn": setting.ffn, "pooling": ("cls",)}
    return _make(
        f"{setting.name}, {sentences} x {tokens} tokens",
        setting.shape,
        {"min_layers": setting.min_layers, **sizes},
        setting.candidates,
        random_weights(setting.shape, NUM_LABELS),
        ids=rng.integers(1, VOCABULARY, (sentences, tokens), np.int32),
        length=np.full(sentences, tokens),
        label=rng.integers(NUM_LABELS, size=sentences),
        language=np.zeros(sentences, np.int64),
    )


def sib200(data: Path, candidates: int, sentences: int | None = None) -> Made:
    """Real sentences of five languages under MiniLM's weights and a random head.

    Args:
        data: the folder with one sub-folder per language.
        sentences: how many of each language; all if none.
    """
    experiment = _experiment(data)
    (found,) = heldout_data(experiment)
    rows = found.rows
    kept = np.arange(len(rows))
    if sentences is not None:
        kept = np.flatnonzero(_place_in_language(rows.language) < sentences)
    ids = np.zeros((len(kept), int(rows.lengths[kept].max())), np.int32)
    for place, row in enumerate(kept):
        ids[place, : rows.lengths[row]] = rows.encodings[row].ids
    size = experiment.config.space
    return _make(
        SIB200,
        experiment.shape,
        {
            "min_layers": size.min_layers,
            "heads": size.heads,
            "ffn": size.ffn,
            "pooling": ("cls",),
        },
        candidates,
        _pretrained_weights(experiment),
        ids=ids,
        length=rows.lengths[kept],
        label=np.asarray(rows.labels)[kept],
        # Counted from 0: the source language is not among them.
        language=np.unique(rows.language[kept], return_inverse=True)[1],
    )


def _experiment(data: Path) -> Experiment:
    """That of the recorded search, with these languages and as many tokens."""
    return prepare(
        load_config(
            CONFIG,
            [
                f"data.path={data}",
                f"languages.aux_heldout=[{', '.join(LANGUAGES)}]",
                "languages.target=[]",
                f"tokens.max_length={LONGEST}",
            ],
        )
    )


def _place_in_language(language: np.ndarray) -> np.ndarray:
    """How many sentences of its language stand before each."""
    return np.asarray([(language[:i] == own).sum() for i, own in enumerate(language)])


def _pretrained_weights(experiment: Experiment) -> dict[str, np.ndarray]:
    """The checkpoint's encoder, with a head that is random but tells classes apart."""
    (part,) = experiment.parts
    params = init_params(experiment).of_task(part.name)
    weights = {
        name_of(path): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }
    random = random_weights(experiment.shape, part.task.num_outputs)
    head = {k: v for k, v in random.items() if k.startswith("head.")}
    return {k: head.get(k, v) for k, v in weights.items()}


def _make(
    name: str,
    shape: EncoderShape,
    sizes: dict[str, Any],
    candidates: int,
    weights: dict[str, np.ndarray],
    **sentences: np.ndarray,
) -> Made:
    space = make_space(SpaceConfig(**sizes), shape)
    rows = draw(space, candidates)
    length = round(float(sentences["length"].mean()))
    num_labels = weights["head.output.bias"].size
    costs = CostModel(space, shape, (HeadSize(num_labels),), length)
    case = Case(
        shape=shape.as_dict(),
        space=sizes,
        num_labels=num_labels,
        num_languages=int(sentences["language"].max()) + 1,
        rows=rows,
        depth=space.num_kept(rows),
        heads=np.asarray(space.knob("heads").choices)[rows[:, space.columns("heads")]],
        ffn=np.asarray(space.knob("ffn").choices)[rows[:, space.columns("ffn")]],
        weights=weights,
        **sentences,
    )
    flops = costs(rows)["flops"] * len(case.length)
    stages = _stage_costs(space, shape, length)
    return Made(name, case, flops, shared_work(space, rows, stages))


def _stage_costs(space: SearchSpace, shape: EncoderShape, length: int):
    """Work of a token in either half of a layer, by choice of its size."""
    heads, ffn = space.knob("heads").choices, space.knob("ffn").choices
    inner = [int(size) * shape.head_dim for size in heads]
    attention = [(4 * shape.width + 2 * length) * size for size in inner]
    return attention, [2 * shape.width * int(size) for size in ffn]
