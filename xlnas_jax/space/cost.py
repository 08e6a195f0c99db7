"""Exact costs of architectures: parameters, FLOPs and memory, before anything runs.

Whole numbers, in NumPy's int64: float32 could not hold the FLOPs of a sentence
exactly, and a hard limit must be hard to the last unit.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace

COSTS = ("params", "encoder_params", "flops", "flops_per_token", "memory_bytes")
FLOAT_BYTES = 4

Counts = Int[np.ndarray, " pop"]


class HeadSize(NamedTuple):
    """What counting needs to know of one task head.

    Attributes:
        num_outputs: width of the output layer.
        reads_tokens: it is applied to every token, without a dense layer before.
        num_languages: languages with an output layer of their own.
    """

    num_outputs: int
    reads_tokens: bool = False
    num_languages: int = 0

    def params(self, width: int) -> int:
        """Numbers in its weights."""
        dense = 0 if self.reads_tokens else width * width + width
        return dense + (width + 1) * self.num_outputs * (1 + self.num_languages)

    def flops(self, width: int, length: int) -> int:
        """Work of one sentence; a language's own layer adds to the shared one."""
        rows = length if self.reads_tokens else 1
        dense = 0 if self.reads_tokens else width
        layers = 2 if self.num_languages else 1
        return 2 * rows * width * (dense + layers * self.num_outputs)


@dataclass(frozen=True)
class CostModel:
    """Counts of every architecture of a space, for one input size.

    Attributes:
        heads: of every task; all of them are stored, and of their work the most
            costly one's is counted.
        length: tokens of the sentence that FLOPs and memory are counted for.
        batch_size: sentences of the batch that memory is counted for.
    """

    space: SearchSpace
    shape: EncoderShape
    heads: tuple[HeadSize, ...]
    length: int
    batch_size: int = 1

    def __call__(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Counts]:
        """Costs of flattened architectures: `COSTS`, each an int64 per candidate."""
        keep, heads, ffn = (self._values(indices, k) for k in ("keep", "heads", "ffn"))
        encoder = (keep * self._layer_params(heads, ffn)).sum(-1)
        flops = (keep * self._layer_flops(heads, ffn)).sum(-1)
        pooling = self._pooling(indices)
        params = encoder + self._fixed_params() + pooling["params"]
        flops = flops + self._head_flops(pooling["flops"])
        activations = FLOAT_BYTES * self.batch_size * self._peak(keep, heads, ffn)
        return {
            "params": params,
            "encoder_params": encoder,
            "flops": flops,
            "flops_per_token": flops // self.length,
            "memory_bytes": FLOAT_BYTES * params + activations,
        }

    def stages(self) -> tuple[list[int], list[int]]:
        """Work of half a layer on one sentence.

        Of attention by choice of heads, of the feed-forward part by inner width.
        """
        heads, ffn = (self.space.knob(name).choices for name in ("heads", "ffn"))
        sizes = np.asarray(heads, np.int64), np.asarray(ffn, np.int64)
        none = np.zeros((), np.int64)
        attention = self._layer_flops(sizes[0], none).tolist()
        return attention, self._layer_flops(none, sizes[1]).tolist()

    def smallest(self) -> dict[str, int]:
        """The least that any valid architecture can cost, cost by cost.

        Every cost grows with every choice but pooling, so that one candidate per
        pooling is enough.
        """
        column = self.space.columns("pooling").start
        count = len(self.space.knob("pooling").choices)
        rows = np.repeat(
            np.asarray(self.space.flatten(self.space.smallest()))[None], count, 0
        )
        rows[:, column] = np.arange(count)
        return {name: int(values.min()) for name, values in self(rows).items()}

    def _values(self, indices: Int[np.ndarray, "pop site"], name: str) -> np.ndarray:
        choices = np.asarray(self.space.knob(name).choices, np.int64)
        return choices[np.asarray(indices)[:, self.space.columns(name)]]

    def _layer_params(self, heads: np.ndarray, ffn: np.ndarray) -> np.ndarray:
        width, inner = self.shape.width, heads * self.shape.head_dim
        attention = 4 * width * inner + 3 * inner + width
        return attention + 2 * width * ffn + ffn + width + 4 * width

    def _layer_flops(self, heads: np.ndarray, ffn: np.ndarray) -> np.ndarray:
        width, inner = self.shape.width, heads * self.shape.head_dim
        macs = 4 * width * inner + 2 * self.length * inner + 2 * width * ffn
        return 2 * self.length * macs

    def _fixed_params(self) -> int:
        shape, width = self.shape, self.shape.width
        rows = shape.vocab_size + shape.max_positions + shape.num_segments
        heads = sum(head.params(width) for head in self.heads)
        return (rows + 2) * width + heads

    def _head_flops(self, pooling: Counts) -> Counts:
        """Work of the costliest head, with the pooling where it reads sentences."""
        width = self.shape.width
        work = [
            head.flops(width, self.length) + pooling * (not head.reads_tokens)
            for head in self.heads
        ]
        return np.max(work, axis=0)

    def _pooling(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Counts]:
        names = np.asarray(self.space.knob("pooling").choices)
        chosen = names[np.asarray(indices)[:, self.space.columns("pooling").start]]
        size = (self.shape.width + 1) * self.shape.attentive_dim
        is_attentive = (chosen == "attentive").astype(np.int64)
        # Every head of sentences has a pooling of its own.
        num_pooling = sum(not head.reads_tokens for head in self.heads)
        return {
            "params": is_attentive * num_pooling * size,
            "flops": is_attentive * 2 * self.length * size,
        }

    def _peak(self, keep: np.ndarray, heads: np.ndarray, ffn: np.ndarray) -> Counts:
        """Floats alive at the widest moment of one sentence's forward pass."""
        length, width, inner = (
            self.length,
            self.shape.width,
            heads * self.shape.head_dim,
        )
        residual = 2 * length * width
        attention = 4 * length * inner + 2 * heads * length * length
        widest = np.maximum(attention, 2 * length * ffn)
        return residual + (keep * widest).max(-1)
