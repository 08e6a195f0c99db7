"""Scoring data in blocks, each a random sample of all examples, of equal shapes."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.tasks.qa import SpanLabels
from xlnas_jax.types import Batch, ConfigError

Rows = Float[Array | np.ndarray, "pop _ _ stat"]


class Examples(NamedTuple):
    """Which rows of some batches count, and which example each belongs to.

    Attributes:
        row: positions of the rows that count, buckets one after another.
        start: of each example, where its rows begin in `row`.
        language: of each example.
    """

    row: Int[np.ndarray, " row"]
    start: Int[np.ndarray, " example"]
    language: Int[np.ndarray, " example"]

    @property
    def num(self) -> int:
        """How many examples there are."""
        return len(self.start)

    def gather(
        self, statistics: Sequence[Rows], num: int
    ) -> Float[np.ndarray, "num example stat"]:
        """Statistics of each example, from those of every row of each bucket."""
        rows = [np.asarray(s)[:num].reshape(num, -1, s.shape[-1]) for s in statistics]
        kept = np.concatenate(rows, axis=1)[:, self.row]
        return np.add.reduceat(kept, self.start, axis=1) if self.num else kept


def examples_of(batches: tuple[Batch, ...]) -> Examples:
    """The examples of batches with leading axes `steps batch`."""
    weight, language, step, group = [], [], [], []
    for number, bucket in enumerate(batches):
        shape = bucket.length.shape
        weight.append(np.asarray(bucket.weight).ravel())
        language.append(np.asarray(bucket.language).ravel())
        group.append(_groups(bucket).ravel())
        steps = np.broadcast_to(np.arange(shape[0])[:, None], shape)
        step.append(np.stack([np.full(steps.size, number), steps.ravel()]))
    row = np.flatnonzero(np.concatenate(weight) > 0)
    keys = np.concatenate([*np.concatenate(step, 1), np.concatenate(group)])
    keys = keys.reshape(3, -1)[:, row]
    order = np.lexsort(keys[::-1])
    row, keys = row[order], keys[:, order]
    is_first = np.concatenate([[True], (np.diff(keys) != 0).any(0)])[: len(row)]
    start = np.flatnonzero(is_first)
    return Examples(row, start, np.concatenate(language)[row[start]])


def make_blocks(
    batches: tuple[Batch, ...], num_blocks: int, seed: int
) -> list[tuple[Batch, ...]]:
    """Deals the examples of one task's scoring batches out over blocks.

    Every block has a length bucket for each of `batches`, and as many examples of
    each bucket and language as the others, give or take one. Steps are as even as
    they can be, and at most as large as they were; what fills them up has weight 0.

    Raises:
        ConfigError: there are fewer examples than blocks.
    """
    rng = np.random.default_rng([seed, num_blocks])
    made: list[list[Batch]] = [[] for _ in range(num_blocks)]
    place = 0
    for bucket in batches:
        examples = examples_of((bucket,))
        rows = np.split(examples.row, examples.start[1:])
        order = rng.permutation(examples.num)
        order = order[np.argsort(examples.language[order], kind="stable")]
        block = (place + np.arange(examples.num)) % num_blocks
        place += examples.num
        dealt = [[rows[i] for i in order[block == b]] for b in range(num_blocks)]
        tables = _pack(dealt, bucket.length.shape[1])
        source = _regroup(bucket, rows)
        for own, table in zip(made, tables, strict=True):
            own.append(_take(source, table, int(examples.row[0])))
    if place < num_blocks:
        raise ConfigError(
            f"evaluate: there must be an example for each block of the scoring data; "
            f"got {num_blocks} blocks of {place} examples. Use fewer blocks "
            f"(evaluate.race.blocks; evaluate.halving.eta and rungs)."
        )
    return [tuple(block) for block in made]


def _groups(bucket: Batch) -> Int[np.ndarray, "steps batch"]:
    """Rows of one step with the same number belong to one example."""
    if isinstance(bucket.label, SpanLabels):
        return np.asarray(bucket.label.group)
    shape = bucket.length.shape
    return np.broadcast_to(np.arange(shape[1])[None], shape)


def _regroup(bucket: Batch, rows: list[Int[np.ndarray, " _"]]) -> Batch:
    """Numbers examples anew, so that those of different steps can share one."""
    if not isinstance(bucket.label, SpanLabels):
        return bucket
    group = np.zeros(bucket.length.size, np.int32)
    for number, own in enumerate(rows):
        group[own] = number
    group = group.reshape(bucket.length.shape)
    label = dataclasses.replace(bucket.label, group=group)
    return dataclasses.replace(bucket, label=label)


def _pack(
    dealt: list[list[Int[np.ndarray, " _"]]], most: int
) -> list[Int[np.ndarray, "steps batch"]]:
    """Steps of every block, all of one shape; -1 where no row stands."""
    largest = max(sum(map(len, rows)) for rows in dealt)
    together = max((len(example) for rows in dealt for example in rows), default=1)
    size = max(together, -(-largest // -(-largest // most)))
    packed = [_first_fit(rows, size) for rows in dealt]
    num_steps = max(map(len, packed))
    tables = []
    for steps in packed:
        table = np.full((num_steps, size), -1, np.int64)
        for number, step in enumerate(steps):
            table[number, : len(step)] = step
        tables.append(table)
    return tables


def _first_fit(rows: list[Int[np.ndarray, " _"]], size: int) -> list[list[int]]:
    """Whole examples, the largest first, each in the first step with room."""
    steps: list[list[int]] = [[]]
    for example in sorted(rows, key=len, reverse=True):
        fits = next((s for s in steps if len(s) + len(example) <= size), None)
        if fits is None:
            fits = []
            steps.append(fits)
        fits += example.tolist()
    return steps


def _take(bucket: Batch, table: Int[np.ndarray, "steps batch"], filler: int) -> Batch:
    """Rows by a table of them; fillers repeat a real one at weight 0."""
    is_row = table >= 0
    steps, size = np.divmod(np.where(is_row, table, filler), bucket.length.shape[1])
    weight = np.asarray(bucket.weight)[steps, size] * is_row.astype(np.float32)
    leaves, structure = jax.tree.flatten(bucket)
    taken = [np.asarray(leaf)[steps, size] for leaf in leaves]
    # Put whole: every array that is built on a device compiles a program there.
    taken, weight = jax.device_put((taken, weight))
    return dataclasses.replace(jax.tree.unflatten(structure, taken), weight=weight)
