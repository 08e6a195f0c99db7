"""Successive halving: all candidates on few examples, the best of them on more.

The scoring data are cut into blocks, each a random sample of all examples and the same
for every candidate, in one order: each rung's data contain those of the rung before, so
that comparisons are paired. A rung takes `eta` times as many blocks as the one before,
and `1 / eta` of its candidates, the last one all blocks. Those that do not go on are
estimated from what they saw.

With several objectives the best are those on the first fronts of estimated transfer
scores and exact costs and, within the front that does not fit whole, those with the
most room around them, as in NSGA-II. The number that goes on is fixed, whatever the
scores are: unlike a race (see `racing`) it promises a price, not that nothing good is
lost.

References:
    Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization", 2016. https://arxiv.org/abs/1502.07943
    Schmucker et al., "Multi-objective asynchronous successive halving", 2021.
    https://arxiv.org/abs/2106.12639
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.config.evaluate import HalvingConfig
from xlnas_jax.data.batches.blocks import examples_of
from xlnas_jax.evaluation.racing import Block, Race, Transfer
from xlnas_jax.objectives.pareto import crowding_distance, nondominated_rank


def num_blocks(config: HalvingConfig) -> int:
    """Parts of the scoring data: the first rung takes one, the last all."""
    return config.eta ** (config.rungs - 1)


def planned(config: HalvingConfig, num: int) -> list[int]:
    """How many of `num` candidates each rung scores; at least one."""
    return [-(-num // config.eta**rung) for rung in range(config.rungs)]


def make_halving(
    config: HalvingConfig,
    score: Callable[[Any, Int[np.ndarray, "pop site"], int, Block], Any],
    transfer: Transfer,
    blocks: Sequence[Block],
) -> Callable[..., Race]:
    """Builds `(params, indices, num, costs) -> Race`.

    It scores the first `num` candidates; `costs`, a column for each, are known
    beforehand. The host waits once for each rung. What has failed on some of the data
    goes no further, and nothing takes its place.

    Args:
        score: `(params, indices, num, block) -> sums` by language, of each task as
            `evaluate.make_evaluator` gives them; of the first `num` at least.
        transfer: see `racing.make_transfer`.
        blocks: `num_blocks(config)` of them, see `data.blocks.make_blocks`.
    """
    sizes = np.asarray(
        [sum(examples_of(batches).num for batches in block) for block in blocks]
    )
    order = _make_order(transfer)

    def run(
        params: Any,
        indices: Int[np.ndarray, "pop site"],
        num: int,
        costs: Float[np.ndarray, "pop cost"] | Int[np.ndarray, "pop cost"],
    ) -> Race:
        counts = planned(config, num)
        blocks_seen = np.zeros(len(indices), np.int64)
        sums: list[Float[np.ndarray, "pop _ _"]] = []
        alive, start = np.arange(num), 0
        for rung in range(config.rungs):
            stop = config.eta**rung
            # Those that are left stand first: one program serves any number of them.
            table = np.zeros_like(indices)
            table[: len(alive)] = indices[alive]
            found = [score(params, table, len(alive), b) for b in blocks[start:stop]]
            sums = _add(sums, found, alive, len(indices))
            blocks_seen[alive] = stop
            start = stop
            if rung + 1 < config.rungs:
                is_alive = np.isin(np.arange(len(indices)), alive)
                best = order(_single(sums), costs.astype(np.float32), is_alive)
                alive = np.sort(best[: counts[rung + 1]])
            if not len(alive):
                break
        return Race(_single(sums), blocks_seen, sizes)

    return run


def _add(
    sums: list[Float[np.ndarray, "pop _ _"]],
    found: list[Any],
    alive: Int[np.ndarray, " _"],
    size: int,
) -> list[Float[np.ndarray, "pop _ _"]]:
    """What the candidates that are left had before, and what these blocks add."""
    if not sums:
        sums = [np.zeros((size, *np.shape(own)[1:])) for own in found[0]]
    for block in found:
        for total, own in zip(sums, block, strict=True):
            total[alive] += np.asarray(own, np.float64)[: len(alive)]
    return sums


def _single(
    sums: list[Float[np.ndarray, "pop _ _"]],
) -> tuple[Float[np.ndarray, "pop _ _"], ...]:
    return tuple(own.astype(np.float32) for own in sums)


def _make_order(transfer: Transfer) -> Callable[..., Int[np.ndarray, " _"]]:
    """Builds `(sums, costs, is_alive) -> positions` of sound candidates, best first."""

    @jax.jit
    def rate(
        sums: tuple[Array, ...],
        costs: Float[Array, "pop cost"],
        is_alive: Bool[Array, " pop"],
    ) -> tuple[Int[Array, " pop"], Bool[Array, " pop"]]:
        scores = transfer(sums)
        matrix = jnp.concatenate([scores, costs.astype(scores.dtype)], axis=-1)
        is_sound = is_alive & jnp.isfinite(scores).all(-1)
        if matrix.shape[-1] == 1:  # one objective orders any number without ranks
            return jnp.argsort(jnp.where(is_sound, matrix[:, 0], jnp.inf)), is_sound
        rank = nondominated_rank(matrix, is_sound)
        return jnp.lexsort((-crowding_distance(matrix, rank), rank)), is_sound

    def order(sums: Any, costs: Any, is_alive: Any) -> Int[np.ndarray, " _"]:
        best, is_sound = rate(sums, costs, is_alive)
        return np.asarray(best)[: int(np.asarray(is_sound).sum())]

    return order
