"""Which losses every step has, and which rows each of them learns from.

Languages are drawn in proportion to `n ** alpha`, n being their texts (`data.batches`).

References:
    Conneau & Lample, "Cross-lingual Language Model Pretraining", 2019.
    https://arxiv.org/abs/1901.07291
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.config.pretraining.pretrain import LOSSES, PretrainConfig
from xlnas_jax.data.batches.plan import TrainingPlan, TrainingStep
from xlnas_jax.types import Batch

# Every loss has draws of its own, the same whichever others there are.
_APART = 104_729


class Turn(NamedTuple):
    """What one loss learns from in a step, and how much it counts there."""

    loss: str
    bucket: int
    rows: Int[np.ndarray, " batch"]
    weight: Float[np.ndarray, " batch"]
    factor: float


class Plan:
    """Turns of every step by its number; they follow from the arguments alone.

    Args:
        rows: of each loss that counts, its length buckets.
    """

    def __init__(
        self, config: PretrainConfig, seed: int, rows: Mapping[str, Sequence[Batch]]
    ) -> None:
        languages = {
            name: [np.asarray(bucket.language) for bucket in buckets]
            for name, buckets in rows.items()
        }
        size, alpha = config.batch_size, config.alpha
        self._factors = [config.counted[name] for name in rows]
        self._names = list(rows)
        # One plan deals out the steps; where every step has all losses, each its own.
        self._together: TrainingPlan | None = None
        self._each: list[TrainingPlan] = []
        if config.mixing == "shares":
            every = list(languages.values())
            given = [
                factor / _mass(own, alpha)
                for factor, own in zip(self._factors, every, strict=True)
            ]
            self._together = TrainingPlan(seed, every, size, alpha, given)
        else:
            for name, own in languages.items():
                apart = seed + _APART * LOSSES.index(name)
                self._each.append(TrainingPlan(apart, [own], size, alpha))

    def __getitem__(self, number: int) -> list[Turn]:
        if self._together is not None:
            drawn = self._together[number]
            return [_turn(self._names[drawn.task], drawn, 1.0)]
        given = zip(self._names, self._each, self._factors, strict=True)
        return [_turn(name, plan[number], factor) for name, plan, factor in given]


def _turn(name: str, drawn: TrainingStep, factor: float) -> Turn:
    return Turn(name, drawn.bucket, drawn.rows, drawn.weight, factor)


def _mass(buckets: Sequence[Int[np.ndarray, " _"]], alpha: float) -> float:
    """What the plan would have the share of these rows be."""
    sizes = np.unique(np.concatenate(list(buckets)), return_counts=True)[1]
    return float(np.sum(sizes.astype(float) ** alpha))
