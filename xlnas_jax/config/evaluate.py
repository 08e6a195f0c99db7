"""How a population is scored."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import (
    MANY,
    MAX_STEPS,
    at_least,
    fraction,
    positive,
)
from xlnas_jax.config.tokens import MAX_TOKENS
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class RaceConfig:
    """How candidates that cannot be among the best are found early.

    Attributes:
        best: a candidate is dropped once so many others, none of which costs more,
            are better.
        blocks: parts of the scoring data; after each of them candidates are dropped.
        delta: probability with which any that belongs to the best may be dropped.
        epsilon: how much better the others must be, in the transfer score's units.
        bound: `student` is a t interval with a finite population's correction, as
            good as the central limit theorem; `serfling` holds for any data, but
            needs thousands of examples.
    """

    best: int = 1
    blocks: int = 8
    delta: float = 0.05
    epsilon: float = 0.0
    bound: Literal["student", "serfling"] = "student"

    def __post_init__(self) -> None:
        at_least(self, 1, "best", most=MANY)
        at_least(self, 2, "blocks", most=10_000)
        positive(self, "delta")
        fraction(self, "delta")
        at_least(self, 0, "epsilon")


@dataclass(frozen=True)
class HalvingConfig:
    """How scoring is halved: a rung after another on more data, for fewer candidates.

    Attributes:
        eta: of the candidates of a rung the best `1 / eta` go on, to a rung of `eta`
            times as much data.
        rungs: how many there are; the last one is on all data.
    """

    eta: int = 3
    rungs: int = 3

    def __post_init__(self) -> None:
        at_least(self, 2, "eta", most=1024)
        at_least(self, 2, "rungs", most=32)


@dataclass(frozen=True)
class TuningConfig:
    """How candidates are trained, each alone, before they are scored; see `tuned`.

    Attributes:
        steps: weight steps of each, by `train.method`, from the shared weights.
        learning_rate: of all its weights; within these steps it goes by
            `train.schedule`.
        rate_exponent, batch_size: as of `finalists`.
    """

    steps: int = 10
    learning_rate: float = 2e-4
    rate_exponent: float = 0.0
    batch_size: int | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", most=MAX_STEPS)
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        positive(self, "learning_rate")
        fraction(self, "rate_exponent")


@dataclass(frozen=True)
class EvaluateConfig:
    """How a population is scored.

    Attributes:
        form: `sliced` runs each candidate at its own size, one after another in
            one program; `masked` runs `chunk` candidates at a time at full size;
            `auto` times both on the search's own data and takes the faster one.
        chunk: of the masked form; `auto` chooses it too.
        batch_tokens: tokens of a batch, padding included; bounds the memory.
        precision: of the matrix products. `bf16` is kept only where it ranks 200
            candidates as fp32 does (Kendall's tau-b of 0.98 at least).
        race: stop scoring candidates that cannot be among the best; not at all where
            absent.
        halving: score all candidates on a part of the data, and only the best of them
            on more; not at all where absent.
        tuning: train every candidate for a few steps before it is scored; not at all
            where absent.
    """

    form: Literal["auto", "sliced", "masked"] = "auto"
    chunk: int = 8
    batch_tokens: int = 2048
    precision: Literal["fp32", "bf16"] = "fp32"
    race: RaceConfig | None = None
    halving: HalvingConfig | None = None
    tuning: TuningConfig | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "chunk", most=MANY)
        at_least(self, 1, "batch_tokens", most=2**26)
        if self.race is not None and self.halving is not None:
            raise ConfigError(
                "halving: must not be given beside evaluate.race, since both decide "
                "which candidates are scored to the end; got both. Leave out one."
            )
        both = [n for n in ("race", "halving") if getattr(self, n) is not None]
        if self.tuning is not None and both:
            raise ConfigError(
                f"tuning: must not be given beside evaluate.{both[0]}, which saves "
                f"scoring where training takes the time; got both. Leave out one."
            )
