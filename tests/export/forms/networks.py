"""Networks of every task and family, with layers of different sizes."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from tests.supernet.families.shapes import SIZES
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import spec_of
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams

LABELS = {
    "classification": ("bad", "good", "so so"),
    "tagging": ("O", "B-LOC", "I-LOC"),
    "qa": (),
    "retrieval": (),
}
POOLING = {"classification": "cls", "retrieval": "mean"}
WORDS = ("Berlin", "Paris", "the", "river", "of", "many", "old", "people", "ዓለም", "мир")
ROLES = {"source": "en", "target": ["de", "am"]}
LENGTH = 20
# Whose tokenizers may tell two texts apart.
_OF_PAIRS = ("bert", "distilbert", "modernbert", "eurobert")
# Of heads that share keys and values in pairs.
GROUPED = {"heads": (4, 0, 2)}


def shape_of(family: str, tokenizer: Tokenizer) -> EncoderShape:
    spec = spec_of(family)
    offset = tokenizer.pad_id + 1 if spec.positions == FROM_PADDING else 0
    return EncoderShape(
        vocab_size=tokenizer.vocab_size,
        width=24,
        num_layers=3,
        num_heads=4 if spec.has_grouped_heads else 3,
        head_dim=6 if spec.has_grouped_heads else 8,
        ffn=40,
        max_positions=LENGTH + offset,
        num_segments=2 if family in _OF_PAIRS else 1,
        position_offset=offset,
        pad_id=tokenizer.pad_id,
        norm_epsilon=1e-12 if family == "distilbert" else 1e-5,
        family=family,
        spec=spec,
        **SIZES.get(family, {}),
    )


class Cut(NamedTuple):
    """A network, and where it was cut from."""

    subnet: Subnet
    space: SearchSpace
    row: np.ndarray


def network(*given: Any, **changes: Any) -> Subnet:
    """Layers of different sizes, with weights that are all random and not small."""
    return cut(*given, **changes).subnet


def cut(
    tokenizer: Tokenizer,
    task: str,
    family: str = "xlm-roberta",
    heads: tuple[int, ...] = (3, 1, 2),
    **changes: Any,
) -> Cut:
    """The same; `sizes` are those of the encoder, `values` those of knobs."""
    sizes = changes.pop("sizes", {})
    shape = dataclasses.replace(shape_of(family, tokenizer), **sizes)
    some, step = shape.ffn * 2 // 5, shape.group_size
    pooling = changes.pop("pooling", POOLING.get(task, "cls"))
    chosen = changes.pop("values", {})
    config = SpaceConfig(
        heads=tuple(range(0, shape.num_heads + 1, step)),
        ffn=(0, some, shape.ffn),
        min_layers=0,
        pooling=(pooling,),
        **changes,
    )
    space = make_space(config, shape)
    outputs = 2 if task == "qa" else len(LABELS[task])
    head = init_head(
        jax.random.key(1),
        shape,
        outputs,
        pooling == "attentive",
        reads_tokens=task in ("tagging", "qa"),
        gives_vectors=task == "retrieval",
    )
    params = SupernetParams(init_encoder(jax.random.key(0), shape, space), head)
    rng = np.random.default_rng(2)
    params = jax.tree.map(
        lambda leaf: leaf + rng.normal(0, 0.2, leaf.shape).astype(np.float32), params
    )
    values: dict[str, Any] = {
        "keep": [1, int(heads[1] >= 0), 1],
        "heads" if step == 1 else "groups": [max(h, 0) // step for h in heads],
        "ffn": [some, shape.ffn, some],
        "pooling": [pooling],
        **chosen,
    }
    for knob in space.knobs:
        values.setdefault(knob.name, [knob.choices[-1]] * knob.sites)
    row = space.canonical(np.asarray(space.from_values(values))[None])[0]
    sliced = slice_subnet(params, space, row)
    made = Subnet(sliced, shape, pooling, LABELS[task], tokenizer, task=task)
    return Cut(made, space, row)
