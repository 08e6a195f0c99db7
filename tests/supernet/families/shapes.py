"""Tiny encoders of every family whose layers are not those of BERT."""

import dataclasses
import functools

import jax
import numpy as np

from tests.models import NUM_LABELS, SHAPE, keys_of, with_noise
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import FAMILIES, spec_of
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams

# BERT's own layers are those of the laws of stages.
NAMES = [
    name
    for name, family in FAMILIES.items()
    if dataclasses.replace(family.spec, positions=SHAPE.spec.positions) != SHAPE.spec
]
# What only some families have, beside their spec.
SIZES: dict[str, dict] = {
    "modernbert": {
        "theta": 160_000.0,
        "local_theta": 10_000.0,
        "local_window": 3,
        "local_layers": (1,),
    },
    "gte": {"theta": 160_000.0},
    "eurobert": {"theta": 250_000.0, "num_groups": 2},
    "deberta-v2": {"relative_buckets": 6, "relative_reach": 12},
}
# A choice that leaves out each half, and what may stand beside them.
ALL = SpaceConfig(
    heads=(0, 2, 4),
    ffn=(0, 8, 32),
    adapter=(0, 4),
    lora=(3,),
    prefix=(5,),
    pooling=("mean",),
)
SPACES = {
    "eurobert": dataclasses.replace(ALL, lora=(), prefix=()),
    # Turned queries and keys within a window, too.
    "gte": dataclasses.replace(ALL, adapter=(), prefix=(), window=(3, 128)),
}


def shape_of(name: str, **sizes: int) -> EncoderShape:
    spec = spec_of(name)
    offset = int(spec.positions == FROM_PADDING)
    given = {"family": name, "spec": spec, "position_offset": offset}
    return dataclasses.replace(SHAPE, **{**given, **SIZES.get(name, {}), **sizes})


@functools.cache
def space_of(name: str) -> SearchSpace:
    return make_space(SPACES.get(name, ALL), shape_of(name))


@functools.cache
def params_of(name: str) -> SupernetParams:
    """Large weights everywhere, also where new ones would be zero."""
    encoder_key, head_key = keys_of(0, 2)
    shape = shape_of(name)
    made = SupernetParams(
        encoder=init_encoder(encoder_key, shape, space_of(name)),
        head=init_head(head_key, shape, NUM_LABELS),
    )
    return with_noise(made, 0)


def rows_of(name: str, num: int) -> np.ndarray:
    """Random networks, the largest and the smallest among them."""
    space = space_of(name)
    drawn = np.asarray(space.flatten(space.sample_valid(jax.random.key(1), num)))
    ends = [space.flatten(space.largest()), space.flatten(space.smallest())]
    return np.concatenate([drawn, np.stack(ends)]).astype(np.int32)
