"""The masked-language-model head: from token vectors to logits of the vocabulary."""

import pathlib
from collections.abc import Callable
from typing import no_type_check

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.backward import gelu, layer_norm
from xlnas_jax.supernet.families.layout import axis_sizes
from xlnas_jax.supernet.families.registry import FAMILIES
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.params import Dense, Norm
from xlnas_jax.supernet.pieces.norms import new_norm
from xlnas_jax.supernet.pretrained import assemble, read_config, read_leaves
from xlnas_jax.supernet.tensors import open_checkpoint


@struct.dataclass
@no_type_check
class MlmHead:
    """A dense layer with GELU and LayerNorm, then an output over the vocabulary.

    Attributes:
        bias: of the output layer.
        decoder: the output layer's own kernel, laid out like the word table;
            None where it is tied to that table.
    """

    transform: Dense
    norm: Norm
    bias: Float[Array, " vocab"]
    decoder: Float[Array, "vocab model"] | None = None


def init_mlm_head(
    normal: Callable[..., Float[Array, "..."]], shape: EncoderShape
) -> MlmHead:
    """A new head whose output is tied to the word table.

    Args:
        normal: draws weights; see `init.make_normal`.
    """
    width = shape.width
    bias = jnp.zeros(width) if shape.spec.has_biases else None
    return MlmHead(
        transform=Dense(normal(width, width), bias),
        norm=new_norm(shape),
        bias=jnp.zeros(shape.vocab_size),
    )


def load_mlm_head(directory: pathlib.Path, shape: EncoderShape) -> MlmHead | None:
    """The masked-language-model head, if the checkpoint holds one.

    The decoder counts as tied unless `config.json` unties it or a different kernel
    is stored, which is also how `transformers` decides.
    """
    family, sizes = FAMILIES[shape.family], axis_sizes(shape)
    checkpoint = open_checkpoint(directory, family)
    kernel, own_bias, shared_bias = family.decoder
    if not family.mlm or not checkpoint.holds(family.mlm[0]):
        return None
    is_tied = bool(read_config(directory).get("tie_word_embeddings", True))
    if is_tied and checkpoint.holds(kernel):
        word = checkpoint.read(family.embeddings[0], sizes)
        is_tied = np.array_equal(checkpoint.read(kernel, sizes), word)
    # Where both biases are stored, it is the decoder's own that is added.
    bias = own_bias if checkpoint.holds(own_bias) else shared_bias
    rules = (*family.mlm, bias) if is_tied else (*family.mlm, bias, kernel)
    leaves = read_leaves(checkpoint, rules, sizes)
    return MlmHead(
        transform=assemble(Dense, leaves, "transform."),
        norm=assemble(Norm, leaves, "norm."),
        bias=leaves["bias"],
        decoder=leaves.get("decoder"),
    )


def mlm_logits(
    hidden: Hidden,
    head: MlmHead,
    word_embeddings: Float[Array, "vocab model"],
    epsilon: float,
) -> Float[Array, "batch seq vocab"]:
    """Logits of every vocabulary entry at each position, in float32."""
    x = jnp.einsum("bsm,mn->bsn", hidden, head.transform.kernel.astype(hidden.dtype))
    if head.transform.bias is not None:
        x = x + head.transform.bias.astype(x.dtype)[None, None, :]
    x = layer_norm(gelu(x), head.norm, epsilon)
    table = word_embeddings if head.decoder is None else head.decoder
    logits = jnp.einsum(
        "bsm,vm->bsv", x, table.astype(x.dtype), preferred_element_type=jnp.float32
    )
    return logits + head.bias[None, None, :]
