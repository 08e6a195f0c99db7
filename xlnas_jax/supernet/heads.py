"""From token vectors to logits: of the pooled sentence, or of every token.

Sentences pass a dense layer with an activation and the output layer, tokens the output
layer alone: the layers of Hugging Face's classifiers, so that a fine-tuned one can
be imported whole. A language may have an output layer of its own, which adds to
the shared one; languages without one fall back on that. A head without weights gives
the pooled vector itself, of length 1.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.backward import gelu, layer_norm
from xlnas_jax.supernet.init import make_normal
from xlnas_jax.supernet.layers import Dropout, Hidden, TokenMask, drop
from xlnas_jax.supernet.params import AttentivePool, Dense, HeadParams
from xlnas_jax.supernet.pieces.norms import new_norm

Pooled = Float[Array, "batch model"]
# The least that the square of a vector's length is taken for.
_LEAST = 1e-12
# Of the norm that some families' classifiers have.
EPSILON = 1e-5
# What follows the dense layer, by the spec of a family.
_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "gelu": gelu,
    "gelu, norm": gelu,
}


def init_head(
    key: Key[Array, ""] | None,
    shape: EncoderShape,
    num_outputs: int,
    has_attentive: bool = False,
    reads_tokens: bool = False,
    num_language_heads: int = 0,
    gives_vectors: bool = False,
) -> HeadParams:
    """A new head: normal weights of deviation 0.02 (see `make_normal`), zero biases.

    What languages add of their own starts from zero. One that gives vectors has no
    weights but those of attentive pooling.
    """
    normal = make_normal(key)
    width, inner = shape.width, shape.attentive_dim
    if gives_vectors:
        weights = AttentivePool(normal(width, inner), normal(inner))
        return HeadParams(attentive=weights if has_attentive else None)
    output = Dense(normal(width, num_outputs), jnp.zeros(num_outputs))
    language = None
    if num_language_heads:
        kernel = jnp.zeros((num_language_heads, width, num_outputs))
        language = Dense(kernel, jnp.zeros((num_language_heads, num_outputs)))
    if reads_tokens:
        return HeadParams(output=output, language=language)
    attentive = AttentivePool(normal(width, inner), normal(inner))
    return HeadParams(
        output=output,
        hidden=Dense(normal(width, width), jnp.zeros(width)),
        attentive=attentive if has_attentive else None,
        language=language,
        norm=new_norm(shape) if shape.spec.head.endswith("norm") else None,
        activation=shape.spec.head,
    )


def pool(x: Hidden, mask: TokenMask, head: HeadParams, pooling: str) -> Pooled:
    """One float32 vector per sentence; padding never takes part."""
    x = x.astype(jnp.float32)
    if pooling == "cls":
        return x[:, 0]
    if pooling == "mean":
        return sentence_vector(x, mask)
    low = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
    if pooling == "max":
        # Never over zeros from padding: a negative maximum would be lost.
        return jnp.where(mask[:, :, None], x, low).max(1)
    assert pooling == "attentive" and head.attentive is not None
    inner = jnp.tanh(jnp.einsum("bsm,mi->bsi", x, head.attentive.kernel))
    score = jnp.einsum("bsi,i->bs", inner, head.attentive.vector)
    score = jax.nn.softmax(jnp.where(mask, score, low), axis=-1)
    return jnp.einsum("bsm,bs->bm", x, score)


def sentence_vector(x: Hidden, mask: TokenMask) -> Pooled:
    """The mean over a sentence's tokens, whatever the pooling and the head are."""
    weights = mask.astype(jnp.float32)
    count = jnp.maximum(weights.sum(-1), 1.0)
    return jnp.einsum("bsm,bs->bm", x.astype(jnp.float32), weights) / count[:, None]


def pool_chosen(
    x: Hidden,
    mask: TokenMask,
    head: HeadParams,
    poolings: tuple[str, ...],
    index: Int[Array, ""],
) -> Pooled:
    """The pooling that an architecture chose among `poolings`."""
    branches = [lambda x, m, h, p=name: pool(x, m, h, p) for name in poolings]
    return jax.lax.switch(index, branches, x, mask, head)


def read_out(
    x: Hidden,
    mask: TokenMask,
    head: HeadParams,
    pool_sentence: Callable[[Hidden, TokenMask, HeadParams], Pooled],
    route: Int[Array, " batch"] | None = None,
    dropout: Dropout | None = None,
) -> Float[Array, "batch *rest"]:
    """Logits in float32: `batch label` of sentences, `batch seq label` of tokens.

    `route` names the output layer that adds to the shared one in each row, -1 none.
    Without an output layer they are the sentences' vectors, of length 1.
    """
    if head.output is None:
        return unit(pool_sentence(x, mask, head))
    if head.hidden is None:
        x = drop(x.astype(jnp.float32), dropout, 4)
    else:
        x = drop(pool_sentence(x, mask, head), dropout, 4)
        assert head.hidden.bias is not None
        inner = x @ head.hidden.kernel + head.hidden.bias[None]
        x = _ACTIVATIONS[head.activation](inner)
        if head.norm is not None:
            x = layer_norm(x[:, None], head.norm, EPSILON)[:, 0]
        x = drop(x, dropout, 5)
    assert head.output.bias is not None
    lead = (None,) * (x.ndim - 1)
    logits = x @ head.output.kernel + head.output.bias[lead]
    if head.language is None or route is None:
        return logits
    return logits + _of_language(x, head.language, route)


def unit(x: Pooled) -> Pooled:
    """Vectors of length 1; one of zeros stays one."""
    square = jnp.square(x).sum(-1, keepdims=True)
    return x / jnp.sqrt(jnp.maximum(square, _LEAST))


def _of_language(
    x: Float[Array, "batch *seq model"], language: Dense, route: Int[Array, " batch"]
) -> Float[Array, "batch *rest"]:
    """What each row's own output layer adds; nothing where it has none."""
    index = jnp.maximum(route, 0)
    has_own = (route >= 0).astype(x.dtype)
    kernel = language.kernel[index] * has_own[:, None, None]
    assert language.bias is not None
    bias = language.bias[index] * has_own[:, None]
    if x.ndim == 2:
        return jnp.einsum("bm,bml->bl", x, kernel) + bias
    return jnp.einsum("bsm,bml->bsl", x, kernel) + bias[:, None]
