"""Exact costs of architectures: parameters, FLOPs and memory, before anything runs.

Whole numbers, in NumPy's int64: float32 could not hold the FLOPs of a sentence
exactly, and a hard limit must be hard to the last unit. Latency joins them once it
was measured, as what a table predicts.
"""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.latency import LATENCY, NS_PER_MS, Latency
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace

COSTS = ("params", "encoder_params", "flops", "flops_per_token", "memory_bytes")
FLOAT_BYTES = 4

Counts = Int[np.ndarray, " pop"]
# Of latency, which is the only one with a point.
Amounts = Int[np.ndarray, " pop"] | Float[np.ndarray, " pop"]


class CostParts(NamedTuple):
    """What costs are made of, for those who look for networks within limits.

    Every cost is a sum: of a fixed part, by pooling, and of the kept layers. Only
    memory also holds the activations of one layer, of that with the most.

    Attributes:
        layer: of a kept layer, by choices of heads and of inner width: `params`,
            `flops`, `peak_bytes` (of which the largest counts) and, where it is
            known, `latency_ns`.
        fixed: of all else, by choice of pooling: the same without `peak_bytes`, and
            `memory_bytes`.
    """

    layer: dict[str, Int[np.ndarray, "heads ffn"]]
    fixed: dict[str, Int[np.ndarray, " pooling"]]


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
        latency: of such a batch; absent until it was measured.
    """

    space: SearchSpace
    shape: EncoderShape
    heads: tuple[HeadSize, ...]
    length: int
    batch_size: int = 1
    latency: Latency | None = None

    def with_latency(self, latency: Latency | None) -> "CostModel":
        """The same with this latency, or with none."""
        return dataclasses.replace(self, latency=latency)

    def planned(self) -> "CostModel":
        """The same with latency as its table has it, trusted or not."""
        return self.with_latency(self.latency and self.latency.planned())

    def __call__(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Amounts]:
        """Costs of flattened architectures, one for each candidate.

        `COSTS`, whole numbers, and `latency_ms` where latency was measured.
        """
        counts: dict[str, Amounts] = dict(self.counted(indices))
        if self.latency is not None:
            found = self.latency.nanoseconds(self.space, indices)
            counts[LATENCY] = found / NS_PER_MS
        return counts

    def counted(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Counts]:
        """`COSTS` of flattened architectures."""
        keep, heads, ffn = (self._values(indices, k) for k in ("keep", "heads", "ffn"))
        encoder = (keep * self._layer_params(heads, ffn)).sum(-1)
        flops = (keep * self._layer_flops(heads, ffn)).sum(-1)
        pooling = np.asarray(indices)[:, self.space.columns("pooling").start]
        params = encoder + self._fixed_params()[pooling]
        flops = flops + self._head_flops()[pooling]
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

    def parts(self) -> CostParts:
        """What the costs of every architecture add up from."""
        choices = [self.space.knob(name).choices for name in ("heads", "ffn")]
        heads, ffn = np.meshgrid(
            *(np.asarray(c, np.int64) for c in choices), indexing="ij"
        )
        batch = FLOAT_BYTES * self.batch_size
        layer = {
            "params": self._layer_params(heads, ffn),
            "flops": self._layer_flops(heads, ffn),
            "peak_bytes": batch * self._widest(heads, ffn),
        }
        params = self._fixed_params()
        fixed = {
            "params": params,
            "flops": self._head_flops(),
            "memory_bytes": FLOAT_BYTES * params + batch * self._residual(),
        }
        if self.latency is not None:
            table = self.latency.table
            attention = np.asarray(table.attention, np.int64)
            layer["latency_ns"] = (
                attention[:, None] + np.asarray(table.ffn, np.int64)[None]
            )
            fixed["latency_ns"] = np.asarray(table.fixed, np.int64)
        return CostParts(layer, fixed)

    def smallest(self) -> dict[str, int | float]:
        """The least that any valid architecture can cost, cost by cost."""
        return {n: v.min().item() for n, v in self(self.smallest_rows()).items()}

    def smallest_rows(self) -> Int[np.ndarray, "pooling site"]:
        """Architectures of which one has the least of every cost.

        Every cost grows with every choice but pooling, so that one candidate per
        pooling is enough.
        """
        column = self.space.columns("pooling").start
        count = len(self.space.knob("pooling").choices)
        rows = np.repeat(
            np.asarray(self.space.flatten(self.space.smallest()))[None], count, 0
        )
        rows[:, column] = np.arange(count)
        return rows

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

    def _fixed_params(self) -> Int[np.ndarray, " pooling"]:
        """All but the layers'."""
        shape, width = self.shape, self.shape.width
        rows = shape.vocab_size + shape.max_positions + shape.num_segments
        heads = sum(head.params(width) for head in self.heads)
        # Every head of sentences has a pooling of its own.
        num_pooling = sum(not head.reads_tokens for head in self.heads)
        return (rows + 2) * width + heads + num_pooling * self._pooling_params()

    def _head_flops(self) -> Int[np.ndarray, " pooling"]:
        """Work of the costliest head, with the pooling where it reads sentences."""
        width = self.shape.width
        pooling = 2 * self.length * self._pooling_params()
        work = [
            head.flops(width, self.length) + pooling * (not head.reads_tokens)
            for head in self.heads
        ]
        return np.max(work, axis=0)

    def _pooling_params(self) -> Int[np.ndarray, " pooling"]:
        """Weights of the pooling itself."""
        names = np.asarray(self.space.knob("pooling").choices)
        size = (self.shape.width + 1) * self.shape.attentive_dim
        return (names == "attentive").astype(np.int64) * size

    def _peak(self, keep: np.ndarray, heads: np.ndarray, ffn: np.ndarray) -> Counts:
        """Floats alive at the widest moment of one sentence's forward pass."""
        return self._residual() + (keep * self._widest(heads, ffn)).max(-1)

    def _residual(self) -> int:
        return 2 * self.length * self.shape.width

    def _widest(self, heads: np.ndarray, ffn: np.ndarray) -> np.ndarray:
        """Floats alive beside the residual stream in one layer."""
        length = self.length
        inner = heads * self.shape.head_dim
        attention = 4 * length * inner + 2 * heads * length * length
        return np.maximum(attention, 2 * length * ffn)
