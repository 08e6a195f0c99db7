"""Which task and which rows every training step learns from.

Tasks and languages are drawn in proportion to `n ** temperature`, n being their
examples: 1 leaves the data as they are, 0 makes all alike. A task has the shares of its
languages together, unless tasks have a temperature of their own.

References:
    Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale",
    2020. https://arxiv.org/abs/1911.02116
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.data.batches.buckets import epoch_plan

BLOCK = 1024


class TrainingStep(NamedTuple):
    """One batch: its task, its length bucket, rows of that, and which of them count."""

    task: int
    bucket: int
    rows: Int[np.ndarray, " batch"]
    weight: Float[np.ndarray, " batch"]


class TrainingPlan:
    """Steps by number; they follow from the arguments alone, so a run can resume.

    Args:
        languages: for each task and bucket, the language of each row.
        task_weights: factors on the tasks' shares of the steps.
        allowed: for each task and bucket, the rows that may be drawn: all if None.
            Rows that are drawn together stand side by side, `unit row`; -1 where a
            unit has fewer. A unit is of the language of its first row.
        task_temperature: of tasks alone, by all their examples.
    """

    def __init__(
        self,
        seed: int,
        languages: Sequence[Sequence[Int[np.ndarray, " _"]]],
        batch_size: int,
        temperature: float = 1.0,
        task_weights: Sequence[float] | None = None,
        allowed: Sequence[Sequence[Int[np.ndarray, "_ ..."]]] | None = None,
        task_temperature: float | None = None,
    ) -> None:
        self.seed = seed
        if allowed is None:
            allowed = [[np.arange(len(b)) for b in task] for task in languages]
        self.units = [
            [rows.reshape(len(rows), -1) for rows in task] for task in allowed
        ]
        languages = [
            [
                np.asarray(bucket)[rows[:, 0]]
                for bucket, rows in zip(task, own, strict=True)
            ]
            for task, own in zip(languages, self.units, strict=True)
        ]
        self.languages = languages
        self.batch_size = batch_size
        self.temperature = temperature
        factors = np.ones(len(languages)) if task_weights is None else task_weights
        sizes = [_sizes(buckets) for buckets in languages]
        raw = [np.sum(n.astype(float) ** temperature) for n in sizes]
        if task_temperature is not None:
            raw = [float(n.sum()) ** task_temperature for n in sizes]
        self.shares = np.asarray(raw) * factors / np.sum(np.asarray(raw) * factors)
        self._drawn = np.zeros(0, np.int64)
        self._steps: list[list[tuple]] = [[] for _ in languages]
        self._epochs = [0] * len(languages)

    def __getitem__(self, number: int) -> TrainingStep:
        while len(self._drawn) <= number:
            block = len(self._drawn) // BLOCK
            rng = np.random.default_rng([self.seed, 1, block])
            drawn = rng.choice(len(self.shares), BLOCK, p=self.shares)
            self._drawn = np.concatenate([self._drawn, drawn])
        task = int(self._drawn[number])
        position = int((self._drawn[:number] == task).sum())
        while len(self._steps[task]) <= position:
            self._steps[task] += self._epoch(task, self._epochs[task])
            self._epochs[task] += 1
        return TrainingStep(task, *self._steps[task][position])

    def _epoch(self, task: int, epoch: int) -> list[tuple]:
        """As many units as the task has, languages in their tempered shares."""
        buckets = self.languages[task]
        seed = self.seed + 7919 * task
        rng = np.random.default_rng([seed, 2, epoch])
        every = np.concatenate([np.asarray(b) for b in buckets])
        bucket = np.repeat(np.arange(len(buckets)), [len(b) for b in buckets])
        row = np.concatenate([np.arange(len(b)) for b in buckets])
        sizes = _sizes(buckets)
        quotas = tempered_quotas(sizes, self.temperature)
        chosen = [
            _draw(rng, np.flatnonzero(every == language), int(quota))
            for language, quota in zip(np.unique(every), quotas, strict=True)
        ]
        kept = np.sort(np.concatenate(chosen))
        rows = [row[kept[bucket[kept] == b]] for b in range(len(buckets))]
        units = [own[r] for own, r in zip(self.units[task], rows, strict=True)]
        size = max(own.shape[1] for own in units)
        count = max(1, self.batch_size // size)
        steps = epoch_plan(seed, epoch, [len(r) for r in rows], count)
        return [(b, *_spread(units[b][i], w, size)) for b, i, w in steps]


def _spread(
    units: Int[np.ndarray, "unit row"], weight: Float[np.ndarray, " unit"], size: int
) -> tuple[Int[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
    """Rows of units of at most `size`; what a unit lacks is its first row, at 0."""
    lacks = ((0, 0), (0, size - units.shape[1]))
    rows = np.pad(units, lacks, constant_values=-1)
    is_there = rows >= 0
    rows = np.where(is_there, rows, rows[:, :1]).astype(np.int32)
    own = (is_there * weight[:, None]).astype(np.float32)
    return rows.ravel(), own.ravel()


def tempered_quotas(
    sizes: Int[np.ndarray, " lang"], temperature: float
) -> Int[np.ndarray, " lang"]:
    """Rows of each language in an epoch; they sum to the number of all rows."""
    shares = sizes.astype(float) ** temperature
    exact = sizes.sum() * shares / shares.sum()
    quotas = np.floor(exact + 1e-9).astype(np.int64)
    # Largest remainders get what rounding down left over.
    order = np.argsort(quotas - exact, kind="stable")
    quotas[order[: int(sizes.sum() - quotas.sum())]] += 1
    return quotas


def _sizes(buckets: Sequence[Int[np.ndarray, " _"]]) -> Int[np.ndarray, " lang"]:
    """Number of rows of each language, in the order of their indices."""
    return np.unique(np.concatenate(list(buckets)), return_counts=True)[1]


def _draw(
    rng: np.random.Generator, rows: Int[np.ndarray, " row"], quota: int
) -> Int[np.ndarray, " n"]:
    """`quota` of the rows: each as often as the others, or once more."""
    whole, rest = divmod(quota, len(rows))
    return np.concatenate([np.repeat(rows, whole), rng.permutation(rows)[:rest]])
