"""Configuration of search strategies: one dataclass for each controller."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MANY, MAX_STEPS, at_least, fraction, positive
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class ReinforceController:
    """REINFORCE on factorised logits, leave-one-out baseline."""

    kind: Literal["reinforce"] = "reinforce"
    learning_rate: float = 0.05
    entropy: float = 0.02
    final_entropy: float = 0.0
    cost_weight: float = 0.5

    def __post_init__(self) -> None:
        positive(self, "learning_rate")
        at_least(self, 0, "entropy", "final_entropy", "cost_weight")


@dataclass(frozen=True)
class RandomController:
    """Uniform sampling: the control every strategy is held against."""

    kind: Literal["random"] = "random"


@dataclass(frozen=True)
class PredictorController:
    """A Gaussian process over what was scored says which networks to score next.

    Attributes:
        initial: networks drawn uniformly before the process is asked.
        pool: feasible networks among which it chooses.
        history: how many of the last scores it learns from.
    """

    kind: Literal["predictor"] = "predictor"
    initial: int = 20
    pool: int = 512
    history: int = 512

    def __post_init__(self) -> None:
        # The process holds a square matrix of what it learns from.
        at_least(self, 2, "initial", "history", most=20_000)
        at_least(self, 1, "pool", most=MANY)


@dataclass(frozen=True)
class GradientController:
    """What strategies that learn by gradients of the choices have in common.

    Adam with betas 0.5 and 0.999. The papers' learning rate of 3e-4 is meant for tens
    of thousands of steps; in a few hundred it would leave the policy uniform.

    Attributes:
        arch_steps: gradient steps of the choices in a round, each on one batch of the
            auxiliary dev splits, of `train.batch_size` rows.
        weight_decay: pulls the logits of the choices towards 0.
        penalty: weight of the share by which expected costs exceed their limits,
            beside the loss.
        form: `masked` runs all choices at full size, and all have gradients; `sliced`
            runs one path at its own sizes, and what it does not run has none.
    """

    arch_steps: int = 20
    learning_rate: float = 0.02
    weight_decay: float = 1e-3
    penalty: float = 1.0
    form: Literal["masked", "sliced"] = "masked"

    def __post_init__(self) -> None:
        at_least(self, 1, "arch_steps", most=MAX_STEPS)
        positive(self, "learning_rate")
        at_least(self, 0, "weight_decay", "penalty")


@dataclass(frozen=True)
class DartsController(GradientController):
    """DARTS: descent in softmax mixtures of all choices.

    Attributes:
        order: 1 takes the shared weights as they are, 2 follows the gradient through
            one more step of theirs, which takes about three times as long.
        unrolled_rate: size of that step; `train.learning_rate` where absent.
    """

    kind: Literal["darts"] = "darts"
    order: Literal[1, 2] = 1
    unrolled_rate: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "unrolled_rate")
        if self.form == "sliced":
            raise ConfigError(
                "form: must be 'masked' for controller 'darts', whose mixtures run "
                "all choices at once; got 'sliced', which runs a single path. Use "
                "'masked', or controller 'gdas'."
            )


@dataclass(frozen=True)
class GdasController(GradientController):
    """GDAS: descent straight through one Gumbel-softmax sample a step.

    Attributes:
        temperature, final_temperature: of the first round and of the last.
    """

    kind: Literal["gdas"] = "gdas"
    temperature: float = 10.0
    final_temperature: float = 0.1
    form: Literal["masked", "sliced"] = "sliced"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "temperature", "final_temperature")


@dataclass(frozen=True)
class AutoregressiveController:
    """A recurrent policy that draws choice after choice, as in ENAS.

    Attributes:
        hidden: width of its state.
    """

    kind: Literal["autoregressive"] = "autoregressive"
    learning_rate: float = 0.02
    hidden: int = 32
    entropy: float = 0.01
    final_entropy: float = 0.0
    cost_weight: float = 0.5

    def __post_init__(self) -> None:
        positive(self, "learning_rate")
        at_least(self, 1, "hidden", most=2**14)
        at_least(self, 0, "entropy", "final_entropy", "cost_weight")


@dataclass(frozen=True)
class RegularisedEvolutionController:
    """Regularised evolution: mutants of a tournament's winner, the oldest die.

    Attributes:
        queue: how many candidates are alive; at most half of the run's.
        tournament: how many of them, drawn with replacement, compete to be the parent.
        mutation: probability that a choice changes; at least one does.
    """

    kind: Literal["regularised_evolution"] = "regularised_evolution"
    queue: int = 32
    tournament: int = 8
    mutation: float = 0.02
    cost_weight: float = 0.5

    def __post_init__(self) -> None:
        at_least(self, 1, "queue", "tournament", most=MANY)
        fraction(self, "mutation")
        at_least(self, 0, "cost_weight")


@dataclass(frozen=True)
class Nsga2Controller:
    """NSGA-II: all objectives at once, by non-dominated rank and crowding.

    Attributes:
        parents: how many candidates survive.
        crossover: probability that a child has two parents.
        mutation: probability that a choice changes; at least one does.
    """

    kind: Literal["nsga2"] = "nsga2"
    parents: int = 12
    crossover: float = 0.9
    mutation: float = 0.02

    def __post_init__(self) -> None:
        at_least(self, 2, "parents", most=MANY)
        fraction(self, "crossover", "mutation")


@dataclass(frozen=True)
class UniformController:
    """A control: uniformly scaled networks, the same choices in every kept layer."""

    kind: Literal["uniform"] = "uniform"


@dataclass(frozen=True)
class MoreParamsController:
    """A control: the largest networks within the limits, whatever they score.

    Attributes:
        draws: random networks among which the largest are asked for.
    """

    kind: Literal["more_params"] = "more_params"
    draws: int = 4096

    def __post_init__(self) -> None:
        at_least(self, 1, "draws", most=10**6)


@dataclass(frozen=True)
class OptunaController:
    """A sampler of Optuna; needs the extra `optuna`.

    Attributes:
        sampler: tree-structured Parzen estimator, NSGA-II or uniform sampling.
    """

    kind: Literal["optuna"] = "optuna"
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"


AnyController = (
    ReinforceController
    | AutoregressiveController
    | RegularisedEvolutionController
    | Nsga2Controller
    | RandomController
    | UniformController
    | MoreParamsController
    | OptunaController
    | PredictorController
    | DartsController
    | GdasController
)
