"""One network whose weights are the mean of several of the same architecture.

Networks that were trained from the same start, with other seeds, orders of rows or
learning rates, often lie in one basin: their mean costs what one of them costs, and is
often better than each. Of networks with other starts it is noise.

References:
    Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models
    improves accuracy without increasing inference time", 2022.
    https://arxiv.org/abs/2203.05482
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from xlnas_jax.export.alike import require_same_network
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.supernet.params import on_device
from xlnas_jax.types import ConfigError


class Averaged(NamedTuple):
    """A mean of models.

    Attributes:
        members: positions of those that are in it, in the order in which they came in.
        scores: of every model alone, where that was asked for.
        score: of the mean.
    """

    subnet: Subnet
    members: tuple[int, ...]
    scores: tuple[float, ...] = ()
    score: float | None = None


def average(members: Sequence[Subnet]) -> Averaged:
    """The mean of all of them; of equal ones it is each of them, bit for bit.

    Raises:
        ConfigError: they are not of one architecture.
    """
    _require_several(members)
    return Averaged(_mean(members), tuple(range(len(members))))


def greedy_average(
    members: Sequence[Subnet], score: Callable[[Subnet], float]
) -> Averaged:
    """The best one, and in the order of their scores every other that helps.

    A model stays in the mean if that does not score worse with it; so the mean scores
    no worse than the best model alone.

    Args:
        score: higher is better; on text that no weight has learnt from.

    Raises:
        ConfigError: they are not of one architecture.
    """
    _require_several(members)
    scores = tuple(float(score(one)) for one in members)
    first, *others = np.argsort(-np.asarray(scores), kind="stable").tolist()
    kept, found, best = [first], members[first], scores[first]
    for number in others:
        tried = _mean([members[n] for n in (*kept, number)])
        value = float(score(tried))
        if value >= best:
            kept, found, best = [*kept, number], tried, value
    return Averaged(found, tuple(kept), scores, best)


def _require_several(members: Sequence[Subnet]) -> None:
    if len(members) < 2:
        raise ConfigError(
            f"models: at least two must be given to take the mean of; got "
            f"{len(members)}."
        )
    require_same_network(members)


def _mean(members: Sequence[Subnet]) -> Subnet:
    """In float64, in which a sum of equal numbers is exact."""
    weights = [one.weights for one in members]

    def mean(*leaves: jax.Array) -> jax.Array:
        total = sum(np.asarray(leaf, np.float64) for leaf in leaves)
        return on_device(np.asarray(total / len(leaves), leaves[0].dtype))

    first = members[0]
    return Subnet(
        jax.tree.map(mean, *weights),
        first.shape,
        first.pooling,
        first.labels,
        first.tokenizer,
        task=first.task,
        own_heads=first.own_heads,
        doc_stride=first.doc_stride,
        max_answer_tokens=first.max_answer_tokens,
    )
