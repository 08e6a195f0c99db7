"""Options of the transfer method `soft_layers`."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import MAX_STEPS, at_least, fraction, positive
from xlnas_jax.config.tokens import MAX_TOKENS


@dataclass(frozen=True)
class GatesConfig:
    """Which share of its update each part of the encoder takes by `soft_layers`.

    Attributes:
        kind: `learned` ones, or what they are held against: `open`, which is plain
            fine-tuning; `random` ones of the mean of those that are learned;
            `permuted`, these at other places; `scalar`, one that is learned for all;
            `decay` by depth; and `frozen` embeddings and lower layers.
        granularity: what has a gate: a layer, each half of one and its norms, or every
            tensor.
        mode: how gates learn: by `first_order` updates are taken as given, which costs
            as much as the steps; by `exact` what a step changes of later ones counts.
        inner_steps: of each episode, before the language that it holds out is looked
            at. episodes: how many teach the gates, before the first step of training
            by them; a network that is trained alone has its own.
        meta_rate: learning rate of the gates. start: their logit before the first.
        decay_rate: of `decay`: from each layer to the one below it.
        frozen_layers: of `frozen`: how many, from the lowest.
    """

    kind: Literal[
        "learned", "open", "random", "permuted", "scalar", "decay", "frozen"
    ] = "learned"
    granularity: Literal["layer", "sublayer", "tensor"] = "layer"
    mode: Literal["first_order", "exact"] = "first_order"
    inner_steps: int = 5
    episodes: int = 300
    meta_rate: float = 0.02
    start: float = 2.0
    decay_rate: float = 0.95
    frozen_layers: int = 3

    def __post_init__(self) -> None:
        at_least(self, 1, "inner_steps", most=1024)
        at_least(self, 1, "episodes", most=MAX_STEPS)
        at_least(self, 0, "frozen_layers", most=MAX_TOKENS)
        at_least(self, -40, "start", most=40)
        positive(self, "meta_rate")
        fraction(self, "decay_rate")
