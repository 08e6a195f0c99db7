"""Racing: candidates that cannot be among the best are not scored to the end.

The scoring data are cut into blocks, each a random sample of all examples and the
same for every candidate, so that differences between candidates are paired. After
each block a candidate is dropped once enough others, none of which costs more, are
better by confidence.

Metrics are functions of sums over examples, not means. Of each example the first
order share in the metric is taken (its influence); for shares of correct examples
and for mean losses that is exact.

References:
    Maron & Moore, "Hoeffding Races", 1994.
    https://papers.nips.cc/paper/841
    Efron, "Nonparametric Estimates of Standard Error: The Jackknife, the Bootstrap
    and Other Methods", 1981. https://doi.org/10.1093/biomet/68.3.589
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.data.batches.blocks import Examples, examples_of
from xlnas_jax.evaluation.confidence import compare
from xlnas_jax.objectives.objectives import Objective, objective_matrix
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch, ConfigError

# Of each task, the batches of each length bucket.
Block = tuple[tuple[Batch, ...], ...]
# Transfer scores of a population, from the sums of each task.
Transfer = Callable[[tuple[Array, ...]], Float[Array, "pop obj"]]


class Race(NamedTuple):
    """What a race found, in the order that candidates were given.

    Attributes:
        sums: of each task, statistics by language over what the candidate saw.
        blocks_seen: how many blocks each was scored on; 0: it was not meant.
        examples: how many there are in each block.
    """

    sums: tuple[Float[np.ndarray, "pop _ _"], ...]
    blocks_seen: Int[np.ndarray, " pop"]
    examples: Int[np.ndarray, " block"]

    @property
    def is_complete(self) -> Bool[np.ndarray, " pop"]:
        """True for candidates scored on everything; the others are estimates."""
        return self.blocks_seen == len(self.examples)

    @property
    def scored(self) -> int:
        """Examples scored, of every candidate."""
        seen = np.concatenate([[0], np.cumsum(self.examples)])
        return int(seen[self.blocks_seen].sum())

    @property
    def possible(self) -> int:
        """Examples that scoring every candidate on everything would have taken."""
        return int((self.blocks_seen > 0).sum() * self.examples.sum())

    @property
    def alive(self) -> list[int]:
        """How many candidates were scored on each block."""
        return [int((self.blocks_seen > n).sum()) for n in range(len(self.examples))]


def make_race(
    config: RaceConfig,
    score: Callable[[Any, Int[np.ndarray, "pop site"], int, Block], Any],
    transfer: Transfer,
    blocks: Sequence[Block],
    num_languages: Sequence[int],
) -> Callable[..., Race]:
    """Builds `(params, indices, num, costs) -> Race`.

    It scores the first `num` candidates and drops those that are ruled out: one that
    at least `best` others beat in every transfer score at no higher cost can neither
    be among the best `best` nor, with `best` 1, on the front. With a probability of
    at least `1 - delta` none that can is dropped. `costs`, a column for each, are
    known beforehand; without columns all candidates cost alike.

    Args:
        score: `(params, indices, num, block) -> statistics`, of each task as
            `evaluate.make_row_scorer` gives them.
        transfer: see `make_transfer`.
        blocks: see `data.blocks.make_blocks`; all of the same shapes.
        num_languages: of each task, of the batches' language numbers.
    """
    found = [[examples_of(batches) for batches in block] for block in blocks]
    sizes = np.asarray([sum(task.num for task in block) for block in found])
    num_looks = len(blocks) - 1

    def run(
        params: Any,
        indices: Int[np.ndarray, "pop site"],
        num: int,
        costs: Float[np.ndarray, "pop cost"] | Int[np.ndarray, "pop cost"],
    ) -> Race:
        seen = _Seen(len(indices), num_languages)
        blocks_seen = np.zeros(len(indices), np.int64)
        alive = np.arange(num)
        is_rival = _is_rival(costs[:num])
        num_pairs = _num_pairs(is_rival, config.best, not costs.shape[1])
        # A bound that fails more often than not says nothing.
        delta = min(config.delta / max(num_pairs * num_looks, 1), 0.5)
        for number, block in enumerate(blocks):
            # Those that are left stand first: one program serves any number of them.
            table = np.zeros_like(indices)
            table[: len(alive)] = indices[alive]
            seen.add(alive, found[number], score(params, table, len(alive), block))
            blocks_seen[alive] = number + 1
            if number < num_looks and len(alive) > config.best:
                scores, values = seen.influence(transfer, alive)
                fraction = sizes[: number + 1].sum() / sizes.sum()
                is_better = compare(scores, values, fraction, delta, config)
                beaten = (is_better & is_rival[np.ix_(alive, alive)]).sum(1)
                # What has failed on some of the data has failed.
                alive = alive[(beaten < config.best) & np.isfinite(scores).all(1)]
            if not len(alive):
                break
        return Race(tuple(s.astype(np.float32) for s in seen.sums), blocks_seen, sizes)

    return run


def make_transfer(
    tasks: Sequence[Task],
    objectives: Sequence[Objective],
    columns: Sequence[Sequence[int]],
) -> Transfer:
    """Builds the transfer scores among `objectives` of the summed statistics.

    Args:
        columns: of each task, the languages that count.

    Raises:
        ConfigError: one of them is no mean over examples.
    """
    ours = tuple(objective for objective in objectives if not objective.is_cost)
    biased = [objective.name for objective in ours if not objective.is_mean]
    if biased:
        raise ConfigError(
            f"evaluate.race: needs objectives that are means over languages; got "
            f"{biased} in search.objectives. An estimate of the worst language, or of "
            f"what exceeds a margin, is biased upwards, and alignment takes all "
            f"sentences at once. Leave out evaluate.race, or use another objective."
        )
    return make_scores(tasks, ours, columns)


def make_scores(
    tasks: Sequence[Task],
    objectives: Sequence[Objective],
    columns: Sequence[Sequence[int]],
) -> Transfer:
    """Builds `sums -> scores` for objectives that are no costs, estimates or not."""
    chosen = [np.asarray(column, np.int32) for column in columns]

    def transfer(sums: tuple[Array, ...]) -> Float[Array, "pop obj"]:
        metrics = [
            task.metrics(own[:, column])
            for task, own, column in zip(tasks, sums, chosen, strict=True)
        ]
        return objective_matrix(objectives, metrics, {})

    return transfer


def _is_rival(
    costs: Float[np.ndarray, "pop cost"] | Int[np.ndarray, "pop cost"],
) -> Bool[np.ndarray, "pop pop"]:
    """True where the second candidate costs no more than the first."""
    is_cheap = np.all(costs[None] <= costs[:, None], axis=-1)
    return is_cheap & ~np.eye(len(costs), dtype=bool)


def _num_pairs(is_rival: Bool[np.ndarray, "pop pop"], best: int, is_plain: bool) -> int:
    """How many comparisons must not fail, for none of the best to be dropped.

    Of two candidates only one can be wrongly called the worse. Without costs only a
    comparison of one of the best with one of the others can do harm.
    """
    if is_plain:
        return best * max(len(is_rival) - best, 0)
    return int(np.triu(is_rival | is_rival.T).sum())


class _Seen:
    """Statistics of the examples that were scored, and their sums."""

    def __init__(self, size: int, num_languages: Sequence[int]) -> None:
        self.size = size
        self.num_languages = num_languages
        self.rows: list[list[Float[np.ndarray, "pop _ _"]]] = []
        self.languages: list[list[Int[np.ndarray, " _"]]] = []
        self.sums: list[Float[np.ndarray, "pop _ _"]] = []

    def add(
        self, alive: Int[np.ndarray, " _"], block: list[Examples], statistics: Any
    ) -> None:
        """Those of one block, of the candidates that are left."""
        for task, (examples, found) in enumerate(zip(block, statistics, strict=True)):
            mine = examples.gather(found, len(alive))
            if len(self.rows) == task:
                self.rows.append([])
                self.languages.append([])
                shape = self.size, self.num_languages[task], mine.shape[-1]
                self.sums.append(np.zeros(shape))
            full = np.zeros((self.size, *mine.shape[1:]), np.float32)
            full[alive] = mine
            self.rows[task].append(full)
            self.languages[task].append(examples.language)
            for language in np.unique(examples.language):
                part = mine[:, examples.language == language]
                self.sums[task][alive, language] += part.sum(1, dtype=np.float64)

    def influence(
        self, transfer: Transfer, alive: Int[np.ndarray, " _"]
    ) -> tuple[Float[np.ndarray, "alive obj"], Float[np.ndarray, "alive example obj"]]:
        """Scores, and what every example seen contributes to each."""
        rows = [np.concatenate([r[alive] for r in own], 1) for own in self.rows]
        languages = [np.concatenate(own) for own in self.languages]
        # All candidates, so that shapes stay the same.
        scores, slopes = slopes_of(transfer, self.sums)
        return scores[alive], influence([s[:, alive] for s in slopes], rows, languages)


def influence(
    slopes: Sequence[Float[np.ndarray, "obj pop _ _"]],
    rows: Sequence[Float[np.ndarray, "pop _ _"]],
    languages: Sequence[Int[np.ndarray, " _"]],
) -> Float[np.ndarray, "pop example obj"]:
    """What each example, of all tasks, contributes to each score; their mean is 0.

    Args:
        slopes: of each task, derivatives of the scores by the sums of language and
            statistic.
        rows: of each task, the statistics of each example.
    """
    values = [
        np.einsum("oaes,aes->aeo", slope[:, :, language], row)
        for slope, row, language in zip(slopes, rows, languages, strict=True)
    ]
    shares = np.concatenate(values, axis=1)
    # An example's share in a sum, as if all examples were like it.
    shares *= shares.shape[1]
    return shares - shares.mean(1, keepdims=True)


def slopes_of(
    transfer: Transfer, sums: Sequence[Float[np.ndarray, "pop _ _"]]
) -> tuple[Float[np.ndarray, "pop obj"], list[Float[np.ndarray, "obj pop _ _"]]]:
    """Scores of each candidate, and their derivatives by the sums of each task."""
    single = tuple(jnp.asarray(s, jnp.float32) for s in sums)
    scores, slopes = _score_and_slopes(transfer, single)
    return np.asarray(scores, np.float64), [np.asarray(s, np.float64) for s in slopes]


@jax.jit(static_argnums=0)
def _score_and_slopes(transfer: Transfer, sums: tuple[Array, ...]):
    scores, pull = jax.vjp(transfer, sums)
    unit = jnp.eye(scores.shape[1], dtype=scores.dtype)
    # Candidates do not depend on each other: one pull serves all of them.
    return scores, jax.vmap(
        lambda row: pull(jnp.broadcast_to(row[None], scores.shape))[0]
    )(unit)
