"""The exported network: `flax.nnx` outside, the supernet's layer functions inside."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from xlnas_jax.data.tokens import Tokenizer
from xlnas_jax.export.params import LayerSize, SubnetParams
from xlnas_jax.export.predict import (
    Prediction,
    check_texts,
    pad_rows,
    plan_chunks,
    to_predictions,
)
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.heads import classify, pool
from xlnas_jax.supernet.layers import attention, embed, feed_forward
from xlnas_jax.types import DataError


def apply_subnet(
    params: SubnetParams,
    shape: EncoderShape,
    pooling: str,
    tokens: Int[Array, "batch seq"],
    segments: Int[Array, "batch seq"],
    length: Int[Array, " batch"],
) -> Float[Array, "batch label"]:
    """Class logits in float32; what stands beyond `length` is never looked at."""
    positions = jax.lax.broadcasted_iota(length.dtype, tokens.shape, 1)
    mask = positions < length[:, None]
    x = embed(params.embeddings, shape, tokens, segments, jnp.float32)
    for layer in params.layers:
        x = attention(x, layer, mask, shape.norm_epsilon)
        x = feed_forward(x, layer, shape.norm_epsilon)
    return classify(pool(x, mask, params.head, pooling), params.head)


# Module-level, so that every network of the same sizes shares the compilation.
_apply_jit = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))


class Subnet(nnx.Module):
    """One architecture with only its own weights, ready to use or to fine-tune.

    Every weight is an `nnx.Param`, so that `nnx.state`, `nnx.split`, `nnx.jit`,
    `nnx.grad` and `nnx.Optimizer` see them.

    Attributes:
        params: a `SubnetParams` with an `nnx.Param` at every leaf; its layers may
            be fewer than `shape.num_layers`, and smaller.
        shape: the full encoder that the network was cut from.
        pooling: how one vector is made of a sentence.
        labels: names of the classes, in the order of the logits.
        task: what the logits mean.
    """

    def __init__(
        self,
        params: SubnetParams,
        shape: EncoderShape,
        pooling: str,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        task: str = "classification",
    ) -> None:
        self.params = nnx.data(jax.tree.map(nnx.Param, params))
        self.shape = shape
        self.pooling = pooling
        self.labels = labels
        self.tokenizer = tokenizer
        self.task = task

    def __call__(
        self,
        tokens: Int[Array, "batch seq"],
        segments: Int[Array, "batch seq"],
        length: Int[Array, " batch"],
    ) -> Float[Array, "batch label"]:
        """Class logits of right-padded token arrays."""
        return apply_subnet(
            self.weights, self.shape, self.pooling, tokens, segments, length
        )

    @property
    def weights(self) -> SubnetParams:
        """The weights as plain arrays."""
        return jax.tree.map(
            lambda param: param.get_value(),
            self.params,
            is_leaf=lambda node: isinstance(node, nnx.Variable),
        )

    @property
    def max_length(self) -> int:
        """Tokens kept of a text, special tokens included."""
        return self.tokenizer.max_length

    @property
    def sizes(self) -> tuple[LayerSize, ...]:
        """Heads and neurons of every layer."""
        return self.weights.sizes

    def logits(
        self,
        texts: Sequence[str] | str,
        pairs: Sequence[str] | str | None = None,
        batch_size: int = 32,
    ) -> Float[np.ndarray, "text label"]:
        """Class logits of texts, or of texts with their pairs, in the given order.

        Compiles once per padded shape: a power of two of rows up to `batch_size`,
        by a multiple of 32 tokens.
        """
        texts = check_texts(texts, "texts")
        pairs = None if pairs is None else check_texts(pairs, "pairs")
        _check_sizes(texts, pairs, batch_size)
        if not texts:
            return np.zeros((0, len(self.labels)), np.float32)
        encoded = self.tokenizer.encode(texts, pairs)
        lengths = [len(one.ids) for one in encoded]
        run = functools.partial(_apply_jit, self.weights, self.shape, self.pooling)
        chunks = plan_chunks(lengths, batch_size, self.max_length)
        results = []
        for rows, size, seq in chunks:
            part = [encoded[i] for i in rows]
            tokens = pad_rows([e.ids for e in part], size, seq, self.tokenizer.pad_id)
            segments = pad_rows([e.segments for e in part], size, seq, 0)
            length = np.ones(size, np.int32)
            length[: len(rows)] = [lengths[i] for i in rows]
            results.append(run(*map(jnp.asarray, (tokens, segments, length))))
        # All chunks are dispatched before the first result is waited for.
        logits = np.empty((len(texts), len(self.labels)), np.float32)
        for chunk, result in zip(chunks, results, strict=True):
            logits[chunk.rows] = np.asarray(result)[: len(chunk.rows)]
        return logits

    def predict(
        self,
        texts: Sequence[str] | str,
        pairs: Sequence[str] | str | None = None,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """The label of each text, in the given order; a single text gives one.

        An empty text is valid: it is classified by its special tokens.
        """
        return to_predictions(self.logits(texts, pairs, batch_size), self.labels)


def _check_sizes(texts: list[str], pairs: list[str] | None, batch_size: int) -> None:
    if batch_size < 1:
        raise DataError(f"batch_size: must be at least 1; got {batch_size}.")
    if pairs is not None and len(pairs) != len(texts):
        raise DataError(
            f"pairs: must be as many as texts; got {len(pairs)} for {len(texts)} "
            f"texts. Pass one pair per text, or none."
        )
