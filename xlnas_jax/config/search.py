"""The bi-level loop, and how it leaves a local optimum."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import (
    HUGE,
    LARGEST,
    MANY,
    MAX_STEPS,
    at_least,
    distinct,
    fraction,
)

Structure = Literal["uniform", "bottom"]
Pruner = Literal["magnitude", "taylor", "influence"]
# Each of both: a union of them would be read as sections.
Seed = Literal["uniform", "bottom", "magnitude", "taylor", "influence"]


@dataclass(frozen=True)
class EscapeConfig:
    """When a search has come to a halt, and what is done then; see `escape`.

    Attributes:
        gain: a round that adds less than this share of the box (see `signals`) to the
            hypervolume has gained nothing.
        patience: so many rounds without a gain are a halt.
        drift: so are so many rounds in a row in which both the archive's mean cost
            and the best score of the round's candidates fell off.
        hold: rounds that each response is given before the next one joins it.
        rate: factor on the mutation rate.
        immigrants: share of the population that is replaced by random networks from
            the upper half of the budget.
        novelty: what the distance to the nearest networks of the archive, which lies
            between 0 and 1, takes off a candidate's score before it is told.
        neighbours: how many networks are the nearest ones.
    """

    gain: float = 1e-3
    patience: int = 5
    drift: int = 3
    hold: int = 3
    rate: float = 2.0
    immigrants: float = 0.25
    novelty: float = 0.1
    neighbours: int = 5

    def __post_init__(self) -> None:
        at_least(self, 1, "patience", "drift", "hold", "rate")
        at_least(self, 1, "neighbours", most=MANY)
        at_least(self, 0, "gain", "novelty")
        fraction(self, "immigrants")


@dataclass(frozen=True)
class SearchConfig:
    """The bi-level loop.

    Attributes:
        rounds: how often weights and controller take turns.
        weight_steps: weight updates per round.
        population: candidates scored per round.
        archive_size: candidates remembered; the best fronts stay.
        max_tries: populations asked for before a round runs with the feasible
            candidates it has.
        objectives: what is minimised, as many as wanted; the first must be a transfer
            score. Over auxiliary languages `error`, `loss`, `worst_error` and
            `worst_loss`; of one of them `error:CODE` and `loss:CODE`, or
            `error:TASK/CODE`; `transfer_loss` (see `transfer`); any cost, and
            with `space.tuned` also `tuned_params`.
        seeds: what the first rounds score before anything that the strategy draws:
            `uniform` scaling and `bottom` layers, within each of `finalists.budgets`
            at a few depths, and what pruning of the teacher in one shot leaves within
            each: by `magnitude`, `taylor` importance or layer `influence`. The strategy
            learns of them where it may.
        reference: of each objective, what a network must beat to count in the
            hypervolume; see `signals` for what it is where it is left out.
        escape: leave local optima; not at all where absent.
        control: score a random search and uniform scaling at the same budget; of the
            random candidates, as many as were searched, the best is found by halving.
        tested: how many points of the front are scored on test data: the best, the
            smallest and some between them; 0: all.
        finalists: how many points of the front are trained alone and scored again
            before one is picked; see the section `finalists`. 0: none.
    """

    rounds: int = 20
    weight_steps: int = 20
    population: int = 16
    archive_size: int = 64
    max_tries: int = 64
    objectives: tuple[str, ...] = ("error", "flops")
    seeds: tuple[Seed, ...] = ()
    reference: tuple[float, ...] = ()
    escape: EscapeConfig | None = None
    control: bool = True
    tested: int = 4
    finalists: int = 0

    def __post_init__(self) -> None:
        at_least(self, 1, "rounds", most=MAX_STEPS)
        at_least(self, 1, "population", "archive_size", "max_tries", most=MANY)
        at_least(self, 0, "weight_steps", "tested", most=MAX_STEPS)
        at_least(self, 0, "finalists", most=MANY)
        at_least(self, -LARGEST, "reference", most=HUGE)
        distinct(self, "objectives")
        if self.seeds:
            distinct(self, "seeds")
