"""What every task answers, so that search, training and reports need not know which.

Scores are kept as sums over examples of a fixed-width statistics vector: sums
can be accumulated on the device bucket by bucket, split by language, and turned
into metrics once at the end. They steer the search. What a report prints comes
from `predict`, scored on the host by the official rules.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.types import Batch

PerExample = Float[Array, " batch"]
Statistics = Float[Array | np.ndarray, "*lead stat"]
# Of sums of statistics, whichever arrays they are.
Values = dict[str, Float[Array | np.ndarray, "*lead"]]

# Far below any logit, yet finite: differences of two of them are not NaN.
LOW = -1e9


class Losses(NamedTuple):
    """Loss of each row, as a sum over the row's predictions and their number.

    The loss of a batch is the sum of the sums over the sum of the numbers: the mean
    over classified sentences, over tagged words, over answered windows.
    """

    total: PerExample
    num: PerExample


class Task(NamedTuple):
    """Loss, statistics, metrics and predictions of one kind of task.

    `logits` are `batch label` where the head reads sentences and `batch seq label`
    where it reads tokens; `batch` is a `types.Batch` whose `label` is of the task's
    own kind.

    Attributes:
        kind: `classification`, `tagging`, `qa` or `retrieval`.
        labels: names of the classes, in the order of the output layer.
        num_outputs: width of the output layer.
        reads_tokens: the head is applied to every token, not to a pooled sentence.
        num_statistics: width of the statistics vector.
        primary: the official metric that tables show; higher is better.
        loss: `(logits, batch) -> Losses`; lower is better.
        distill: `(logits, teacher_logits, batch, temperature) -> Losses`.
        statistics: `(logits, batch) -> batch stat`, to be summed over rows.
        metrics: sums of statistics `... stat` to named values `...`; works on
            JAX and NumPy arrays alike. `error` and `loss` are always among them.
        predict: `(logits, batch) ->` arrays with a leading `batch` axis, small
            enough to be read back, from which the host makes official scores; with
            `is_sound`, whether the row's logits are all finite.
        choice_axis: of logits, along which one outcome is predicted.
        measures_divergence: its statistics compare with a teacher, see `divergence`.
        compare: where logits are the vectors of sentences, which say something side by
            side alone: `(ours, theirs) -> pair stat`, the first statistics of each
            sentence beside its translation, among all pairs of one language. None
            where a row's logits say all; then a head makes them.
    """

    kind: str
    labels: tuple[str, ...]
    num_outputs: int
    reads_tokens: bool
    num_statistics: int
    primary: str
    loss: Callable[..., Losses]
    distill: Callable[..., Losses]
    statistics: Callable[..., Float[Array, "batch stat"]]
    metrics: Callable[[Statistics], dict[str, Any]]
    predict: Callable[..., dict[str, Any]]
    choice_axis: int = -1
    measures_divergence: bool = False
    compare: Callable[..., Float[Array, "pair stat"]] | None = None

    @property
    def gives_vectors(self) -> bool:
        """Whether logits are vectors of sentences, which no head makes."""
        return self.compare is not None


def guarded(task: Task) -> Task:
    """The same task, for which a network without sound logits scores nothing sound.

    Of logits that are NaN, `argmax` gives the first class, and so a finite error that
    may be the best of all. So every statistic of a row is NaN where one of its logits
    is not finite, and what is predicted of it says so (`is_sound`). Padding, of tokens
    and of rows, is not looked at.
    """

    def statistics(
        logits: Float[Array, "..."], batch: Batch
    ) -> Float[Array, "batch stat"]:
        found = task.statistics(logits, batch)
        return jnp.where(_is_sound(task, logits, batch)[:, None], found, jnp.nan)

    def predict(logits: Float[Array, "..."], batch: Batch) -> dict[str, Any]:
        found = task.predict(logits, batch)
        return {**found, "is_sound": _is_sound(task, logits, batch)}

    return task._replace(statistics=statistics, predict=predict)


def _is_sound(
    task: Task, logits: Float[Array, "..."], batch: Batch
) -> Bool[Array, " batch"]:
    """True for rows all of whose logits are finite, and for rows of weight 0."""
    is_finite = jnp.isfinite(logits).all(-1)
    if task.reads_tokens:
        is_finite = (is_finite | ~batch.mask).all(-1)
    return is_finite | (batch.weight == 0)


def negative_log_likelihood(
    logits: Float[Array, "*lead label"],
    label: Int[Array, "*lead"],
    smoothing: float = 0.0,
) -> Float[Array, "*lead"]:
    """Cross-entropy with label smoothing, in float32."""
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    gold = jnp.take_along_axis(log_p, label[..., None], axis=-1)[..., 0]
    if not smoothing:
        return -gold
    return -(1.0 - smoothing) * gold - smoothing * log_p.mean(-1)


def divergence(
    logits: Float[Array, "*lead label"],
    teacher: Float[Array, "*lead label"],
    temperature: float,
) -> Float[Array, "*lead"]:
    """Kullback-Leibler divergence from the softened teacher, times temperature².

    References:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
        https://arxiv.org/abs/1503.02531
    """
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32) / temperature, axis=-1)
    log_q = jax.nn.log_softmax(teacher.astype(jnp.float32) / temperature, axis=-1)
    return temperature**2 * (jnp.exp(log_q) * (log_q - log_p)).sum(-1)
