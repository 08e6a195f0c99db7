"""Exact costs of architectures: parameters, FLOPs and memory, before anything runs.

Whole numbers, in NumPy's int64: float32 could not hold the FLOPs of a sentence
exactly, and a hard limit must be hard to the last unit. Latency joins them once it
was measured, as what a table predicts.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from xlnas_jax.space.disk import BYTES_PER_MB, DISK, Disk
from xlnas_jax.space.latency import LATENCY, NS_PER_MS, Latency
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Stage, Training, Whole

COSTS = ("params", "encoder_params", "flops", "flops_per_token", "memory_bytes")
# Of the encoder's parameters those in layers that change while a network is trained
# alone; counted where that is a choice.
TUNED_PARAMS = "tuned_params"
FLOAT_BYTES = 4

Counts = Int[np.ndarray, " pop"]
# Of latency, which is the only one with a point.
Amounts = Int[np.ndarray, " pop"] | Float[np.ndarray, " pop"]


class CostParts(NamedTuple):
    """What costs are made of, for those who look for networks within limits.

    Every cost is a sum: of a fixed part, by the choices of the whole network, and of
    the kept layers. Only memory also holds the activations of one layer, of that with
    the most.

    Attributes:
        layer: of a kept layer, by the option of each of its stages
            (`SearchSpace.options`): `params`, `flops`, `peak_bytes` (of which the
            largest counts) and, where they are known, `latency_ns` and
            `disk_bytes`.
        fixed: of all else, by `SearchSpace.whole_rows`: the same without
            `peak_bytes`, and `memory_bytes`.
    """

    layer: dict[str, Int[np.ndarray, "..."]]
    fixed: dict[str, Int[np.ndarray, " whole"]]


class StageCosts(NamedTuple):
    """Costs of one stage by its option; `widest` counts floats of one sentence."""

    params: Int[np.ndarray, " option"]
    flops: Int[np.ndarray, " option"]
    widest: Int[np.ndarray, " option"]


class HeadSize(NamedTuple):
    """What counting needs to know of one task head.

    Attributes:
        num_outputs: width of the output layer.
        reads_tokens: it is applied to every token, without a dense layer before.
        num_languages: languages with an output layer of their own.
        gives_vectors: there is no layer: outputs are vectors of sentences as they are.
    """

    num_outputs: int
    reads_tokens: bool = False
    num_languages: int = 0
    gives_vectors: bool = False

    def params(self, shape: EncoderShape) -> int:
        """Numbers in its weights."""
        if self.gives_vectors:
            return 0
        width = shape.width
        dense = 0 if self.reads_tokens else width * width + width
        if shape.spec.head.endswith("norm") and dense:
            dense += shape.norm_size
        return dense + (width + 1) * self.num_outputs * (1 + self.num_languages)

    def flops(self, width: int, length: int) -> int:
        """Work of one sentence; a language's own layer adds to the shared one."""
        if self.gives_vectors:
            return 0
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
        disk: how large networks are as files; None where nobody asks.
    """

    space: SearchSpace
    shape: EncoderShape
    heads: tuple[HeadSize, ...]
    length: int
    batch_size: int = 1
    latency: Latency | None = None
    disk: Disk | None = None

    def with_latency(self, latency: Latency | None) -> "CostModel":
        """The same with this latency, or with none."""
        return dataclasses.replace(self, latency=latency)

    def planned(self) -> "CostModel":
        """The same with latency as its table has it, trusted or not."""
        return self.with_latency(self.latency and self.latency.planned())

    def __call__(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Amounts]:
        """Costs of flattened architectures, one for each candidate.

        Those of `counted`, and `latency_ms` where latency was measured.
        """
        counts = self.counted(indices)
        if self.latency is not None:
            found = self.latency.nanoseconds(self.space, indices)
            counts[LATENCY] = found / NS_PER_MS
        return counts

    def counted(self, indices: Int[np.ndarray, "pop site"]) -> dict[str, Amounts]:
        """`COSTS` of flattened architectures, and those that are there at times.

        These are `tuned_params` where `space.tuned` is, and `disk_mb` where it is
        asked for.
        """
        kept = self.space.is_kept(indices)
        is_trained = kept & self._is_trained(indices)
        encoder, tuned, flops = (np.zeros(len(kept), np.int64) for _ in range(3))
        widest = np.zeros(kept.shape, np.int64)
        for stage, own in zip(self.space.stages, self.stage_costs, strict=True):
            option = self.space.options_of(stage, indices)
            encoder += (kept * own.params[option]).sum(-1)
            tuned += (is_trained * own.params[option]).sum(-1)
            flops += (kept * own.flops[option]).sum(-1)
            widest = np.maximum(widest, kept * own.widest[option])
        whole = self.space.whole_of(indices)
        params = encoder + self._fixed_params()[whole]
        flops = flops + self._head_flops()[whole]
        activations = (
            FLOAT_BYTES * self.batch_size * (self._residual() + widest.max(-1))
        )
        found: dict[str, Amounts] = {
            "params": params,
            "encoder_params": encoder,
            "flops": flops,
            "flops_per_token": flops // self.length,
            "memory_bytes": FLOAT_BYTES * params + activations,
            **({TUNED_PARAMS: tuned} if self._may_stay else {}),
        }
        if self.disk is not None:
            found[DISK] = self._disk_bytes(indices) / BYTES_PER_MB
        return found

    def _disk_bytes(self, indices: Int[np.ndarray, "pop site"]) -> Counts:
        """Of flattened architectures, as they are written."""
        kept = self.space.is_kept(indices)
        stages, fixed = self._disk_tables
        total = fixed[self.space.whole_of(indices)]
        for stage, own in zip(self.space.stages, stages, strict=True):
            total = total + (kept * own[self.space.options_of(stage, indices)]).sum(-1)
        return total

    @functools.cached_property
    def _disk_tables(
        self,
    ) -> tuple[list[Int[np.ndarray, " option"]], Int[np.ndarray, " whole"]]:
        """Bytes of each stage by its option, and of all but the layers.

        Of several tasks these are of the largest of their models, one for each.
        """
        disk = self.disk
        assert disk is not None, "bytes are asked for where a form is named alone"
        stages = [
            np.asarray(
                [disk.of_stage(stage, self.shape, one) for one in options], np.int64
            )
            for stage in self.space.stages
            for options in (self.space.options(stage),)
        ]
        added = self._added_params()
        heads = [
            head.params(self.shape) + added * (not head.reads_tokens)
            for head in self.heads
        ]
        largest = np.max(heads, axis=0)
        fixed = [disk.fixed(self.shape, 0, rows) for rows in self._word_rows().tolist()]
        return stages, np.asarray(fixed, np.int64) + disk.float_bytes * largest

    def _is_trained(
        self, indices: Int[np.ndarray, "pop site"]
    ) -> Bool[np.ndarray, "pop layer"]:
        """Of each layer, whether a weight of it changes where it is kept."""
        space, found = self.space, np.ones((len(indices), self.space.gate.sites), bool)
        for training in self._may_stay:
            assert training.trains is not None
            choices = np.asarray(space.knob(training.name).choices)
            own = np.asarray(indices)[:, space.columns(training.name)]
            found &= training.trains(choices[own])
        return found

    @property
    def _may_stay(self) -> list[Training]:
        """Knobs by which layers may be left as they were."""
        return [one for one in self.space.trainings if one.trains is not None]

    @functools.cached_property
    def stage_costs(self) -> tuple[StageCosts, ...]:
        """Costs of each stage, by its option."""
        return tuple(self._of_stage(stage) for stage in self.space.stages)

    def _of_stage(self, stage: Stage) -> StageCosts:
        options = self.space.options(stage)
        values = [np.asarray([o[n] for o in options], np.int64) for n in stage.knobs]
        return StageCosts(
            stage.params(self.shape, *values),
            stage.flops(self.shape, self.length, *values),
            stage.widest(self.shape, self.length, *values),
        )

    def shares_of_flops(
        self, indices: Int[np.ndarray, "pop site"]
    ) -> Float[np.ndarray, " pop"]:
        """The work of each network's layers, as a share of the full network's.

        Inverse of `flops_of_share`.
        """
        none, whole = self.flops_of_share(0.0), self.flops_of_share(1.0)
        return (self.counted(indices)["flops"] - none) / (whole - none)

    def flops_of_share(self, share: float) -> float:
        """FLOPs of a network whose layers have a share of the full network's work.

        The head's work is on top, so that half of the layers are a half.
        """
        full = self.space.largest_row[None]
        none = full.copy()
        none[:, self.space.columns(self.space.gate.name)] = 0
        whole = self.counted(full)["flops"][0]
        fixed = self.counted(none)["flops"][0] if self.space.is_elastic else 0
        return float(fixed + share * (whole - fixed))

    def stages(self) -> tuple[list[int], ...]:
        """Work of each stage on one sentence, by its option."""
        return tuple(own.flops.tolist() for own in self.stage_costs)

    def parts(self) -> CostParts:
        """What the costs of every architecture add up from."""
        batch = FLOAT_BYTES * self.batch_size
        found = self.stage_costs
        layer = {
            "params": _of_all(np.add, [own.params for own in found]),
            "flops": _of_all(np.add, [own.flops for own in found]),
            "peak_bytes": batch * _of_all(np.maximum, [own.widest for own in found]),
        }
        params = self._fixed_params()
        fixed = {
            "params": params,
            "flops": self._head_flops(),
            "memory_bytes": FLOAT_BYTES * params + batch * self._residual(),
        }
        if self.disk is not None:
            stages, fixed["disk_bytes"] = self._disk_tables
            layer["disk_bytes"] = _of_all(np.add, stages)
        if self.latency is not None:
            table = self.latency.table
            layer["latency_ns"] = _of_all(
                np.add, [np.asarray(own, np.int64) for own in table.stages]
            )
            fixed["latency_ns"] = np.asarray(table.fixed, np.int64)
        return CostParts(layer, fixed)

    def smallest(self) -> dict[str, int | float]:
        """The least that any valid architecture can cost, cost by cost."""
        return {n: v.min().item() for n, v in self(self.smallest_rows()).items()}

    def smallest_rows(self) -> Int[np.ndarray, "whole site"]:
        """Architectures of which one has the least of every cost.

        Every cost grows with every choice of a layer, so that one candidate for each
        combination of the whole network's choices is enough.
        """
        space = self.space
        row = np.asarray(space.flatten(space.smallest()))
        rows = np.repeat(row[None], len(space.whole_rows), 0)
        for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
            rows[:, space.columns(whole.name).start] = chosen
        return rows

    def _fixed_params(self) -> Int[np.ndarray, " whole"]:
        """All but the layers'."""
        shape, width = self.shape, self.shape.width
        heads = sum(head.params(shape) for head in self.heads)
        # Every head of sentences has what the whole network's knobs add of its own.
        num = sum(not head.reads_tokens for head in self.heads)
        tables = shape.table_rows - shape.word_rows + self._word_rows()
        outer = tables * width + shape.outer_norms * shape.norm_size
        return outer + heads + num * self._added_params()

    def _word_rows(self) -> Int[np.ndarray, " whole"]:
        """Rows of the word table."""
        rows = np.full(len(self.space.whole_rows), self.shape.word_rows, np.int64)
        for whole, own in self._wholes():
            if whole.word_rows is not None:
                rows = whole.word_rows(self.shape, own)
        return rows

    def _added_params(self) -> Int[np.ndarray, " whole"]:
        """What the whole network's knobs add to each head of sentences."""
        return self._summed([w.params(self.shape, own) for w, own in self._wholes()])

    def _head_flops(self) -> Int[np.ndarray, " whole"]:
        """Work of the costliest head, with what is added where it reads sentences."""
        added = self._summed(
            [whole.flops(self.shape, self.length, own) for whole, own in self._wholes()]
        )
        work = [
            head.flops(self.shape.width, self.length) + added * (not head.reads_tokens)
            for head in self.heads
        ]
        return np.max(work, axis=0)

    def _wholes(self) -> Iterator[tuple[Whole, np.ndarray]]:
        """Knobs of the whole network, with their value in each combination."""
        space = self.space
        for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
            yield whole, np.asarray(space.knob(whole.name).choices)[chosen]

    def _summed(self, added: Sequence[np.ndarray]) -> Int[np.ndarray, " whole"]:
        return sum(added, np.zeros(len(self.space.whole_rows), np.int64))

    def _residual(self) -> int:
        return 2 * self.length * self.shape.width


def _of_all(
    join: Callable[..., np.ndarray], found: Sequence[Int[np.ndarray, " _"]]
) -> Int[np.ndarray, "..."]:
    """One number for each combination of the stages' options."""
    return functools.reduce(lambda one, other: join(one[..., None], other), found)
