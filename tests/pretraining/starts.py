"""A pretraining before its first step, of any family, with telling weights."""

import dataclasses

import jax
import numpy as np

from tests.pretraining.planted import make_config
from xlnas_jax.data.tokens.masks import masks_of
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.pretraining.model import Start, prepare
from xlnas_jax.space.shape import FROM_PADDING
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import of_layers, spec_of
from xlnas_jax.supernet.init import init_encoder, make_normal
from xlnas_jax.supernet.mlm import init_mlm_head
from xlnas_jax.supernet.params import on_device

TEXTS = ["bada kibo", "du ku ba ba", "bo", "ka ke ki ko ku ta bada bebi bu"]


def make_start(family: str, **changes) -> Start:
    """Of a family, with a tokenizer of our own."""
    start = prepare(make_config("x", **changes), TEXTS)
    offset = 2 if spec_of(family).positions == FROM_PADDING else 0
    shape = dataclasses.replace(
        start.shape,
        family=family,
        spec=spec_of(family),
        position_offset=offset,
        max_positions=32 + offset,
    )
    masks = masks_of(start.tokenizer, shape.vocab_size)
    space = make_space(start.config.space, shape)
    own = {"shape": shape, "space": space, "masks": masks}
    return dataclasses.replace(start, family=of_layers(family), **own)


def make_params(start: Start, is_tied: bool) -> PretrainParams:
    """Weights far larger than at a real start, biases and norms among them."""
    shape, nothing = start.shape, make_normal(None)

    def make() -> PretrainParams:
        head = init_mlm_head(nothing, shape)
        if not is_tied:
            decoder = nothing(shape.vocab_size, shape.width)
            head = dataclasses.replace(head, decoder=decoder)
        return PretrainParams(init_encoder(None, shape), head)

    # Drawn on the host: no program is compiled for any shape.
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: on_device(rng.normal(0.0, 0.3, leaf.shape).astype(np.float32)),
        jax.eval_shape(make),
    )
