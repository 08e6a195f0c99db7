"""Options of the transfer method `xtune`."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import at_least


@dataclass(frozen=True)
class XTuneConfig:
    """How a row is seen a second time, and how alike it is to be told.

    Attributes:
        view: what is seen: its `translation`, or its tokens with `noise`.
        noise: deviation of the normal noise on embedded tokens, whose own is near 1.
        consistency: weight of the divergence of each prediction from the other.
        kl_reduction: a mean over the rows of a batch; or `released`, over rows and
            classes, by which 5 is 5/3 where there are three classes.
        teaching: weight of the divergence of what is said of the view from what the
            network said when the warm-up was over: the second stage, of which the first
            one is a warm-up by `warm_up_method: xtune`.
            The loss on labels is then over rows and views.
        view_labels: views take part in that loss.
    """

    view: Literal["translation", "noise"] = "translation"
    noise: float = 0.1
    consistency: float = 5.0
    kl_reduction: Literal["batch", "released"] = "batch"
    teaching: float = 0.0
    view_labels: bool = True

    def __post_init__(self) -> None:
        at_least(self, 0, "noise", "consistency", "teaching")
