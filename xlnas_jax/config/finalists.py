"""The last choice: networks that are trained alone, and then scored again."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import (
    MANY,
    MAX_STEPS,
    at_least,
    distinct,
    fraction,
    positive,
)
from xlnas_jax.config.tokens import MAX_TOKENS
from xlnas_jax.types import ConfigError

# What budgets are shares of.
BudgetCost = Literal["flops", "latency_ms"]
Control = Literal[
    "uniform", "bottom", "random", "more_params", "magnitude", "taylor", "influence"
]


@dataclass(frozen=True)
class FinalistsConfig:
    """How finalists are trained, and what they are held against.

    Attributes:
        steps: weight steps of each finalist alone, by `train.method`. steps_exponent:
            with which power of its size they grow: a network with a share s of the full
            network's FLOPs takes `steps * s ** -steps_exponent`, and no more of them
            below the smallest budget. With 1 all cost about the same.
        learning_rate: of all its weights. rate_exponent: with which power of its size
            that falls: a network with a share s of the full network's FLOPs learns at
            `learning_rate * s ** -rate_exponent`.
        batch_size: rows of a step; as many as `train.batch_size` if None. As much work
            in twice as many steps of half as many rows goes farther.
        patience: a finalist is trained no longer once so many looks at its loss on the
            dev split of the source have not seen a lower one, and it keeps the weights
            of the lowest; 0: nobody looks, and all steps are taken.
        score_every: steps from one such look to the next; the last step has one, too.
        min_delta: a loss counts as lower only if it is so by more than that.
        budgets: shares of what the full network costs at which fronts are compared: of
            each front the best network within each is trained. budget_cost: what they
            are shares of: FLOPs of its layers, or its latency.
        tries: of what the search remembers, and of controls that are drawn, so many
            networks of the size of each budget are trained, dominated ones too. What
            is the best within it after training (see `by`) stands for it. With 1, or
            with latency that is measured at the end, they are taken from the front.
        controls: what is trained beside the front, at the same budgets: `uniform`
            scaling, the `bottom` layers, `random` networks as many as were searched,
            `more_params` (the random ones with most parameters), and pruning of the
            full network in one shot by `magnitude` of weights, by `taylor` importance
            and by `influence` of whole layers.
        by: what the winner is picked by: `error` on auxiliary dev data;
            `divergence` from the full network, which needs no labels; or `both`, each
            in units of its spread over all finalists. It is the smallest network that
            is within one standard error of the best.
    """

    steps: int = 100
    steps_exponent: float = 0.0
    learning_rate: float = 2e-4
    rate_exponent: float = 0.0
    batch_size: int | None = None
    patience: int = 0
    score_every: int = 10
    min_delta: float = 0.0
    budgets: tuple[float, ...] = (1 / 2, 1 / 4, 1 / 8, 1 / 12)
    budget_cost: BudgetCost = "flops"
    tries: int = 1
    controls: tuple[Control, ...] = ("uniform", "bottom", "random")
    by: Literal["error", "divergence", "both"] = "error"

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", "score_every", most=MAX_STEPS)
        at_least(self, 0, "patience", most=MAX_STEPS)
        at_least(self, 0, "min_delta")
        at_least(self, 1, "tries", most=MANY)
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        positive(self, "learning_rate")
        fraction(self, "rate_exponent")
        fraction(self, "steps_exponent")
        positive(self, "budgets", most=1)
        if self.controls:
            distinct(self, "controls")
        if not self.budgets or list(self.budgets) != sorted(set(self.budgets))[::-1]:
            raise ConfigError(
                f"budgets: shares must fall and differ, and one be given; got "
                f"{list(self.budgets)}."
            )

    def steps_of(self, share: float) -> int:
        """Those of a network with a share of the full network's FLOPs."""
        return round(self.steps * max(share, self.budgets[-1]) ** -self.steps_exponent)
