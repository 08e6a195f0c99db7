"""What every task answers, so that search, training and reports need not know which.

Scores are kept as sums over examples of a fixed-width statistics vector: sums
can be accumulated on the device bucket by bucket, split by language, and turned
into metrics once at the end.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, Float

Logits = Float[Array, "batch *rest"]
PerExample = Float[Array, " batch"]
Statistics = Float[Array, "*lead stat"]


class Task(NamedTuple):
    """Loss, statistics and metrics of one kind of prediction.

    Attributes:
        labels: names of the classes, in the order of the output layer.
        num_statistics: width of the statistics vector.
        loss: `(logits, label) -> per example`; lower is better.
        distill: `(logits, teacher_logits, temperature) -> per example`.
        statistics: `(logits, label) -> batch stat`, to be summed over examples.
        metrics: sums of statistics `... stat` to named values `...`; works on
            JAX and NumPy arrays alike. `error` is always among them.
    """

    name: str
    labels: tuple[str, ...]
    num_statistics: int
    loss: Callable[..., PerExample]
    distill: Callable[..., PerExample]
    statistics: Callable[..., Float[Array, "batch stat"]]
    metrics: Callable[[Statistics], dict[str, Float[Array, "*lead"]]]
