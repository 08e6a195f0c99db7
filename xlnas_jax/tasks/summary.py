"""From scores of single languages to averages, gaps and comparisons of two systems.

Scores are given by language code, higher is better. A score that is not a number
stays visible: averages become NaN too, and its language is the worst.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

from xlnas_jax.types import DataError

Scores = Mapping[str, float]
ItemStatistics = Mapping[str, Real[np.ndarray, "..."]]
Metric = Callable[[Float[np.ndarray, "*lead stat"]], Float[np.ndarray, "*lead"]]
# Numbers of items drawn at a time, to bound memory.
_BLOCK = 2**22
# A difference below this is what float64 leaves of two equal averages.
_ROUNDING = 1e-12


class Average(NamedTuple):
    """A mean over languages, and over tasks, with the source language and without.

    XTREME's own numbers are with the source; zero-shot transfer is without.
    """

    with_source: float
    without_source: float


class WorstLanguage(NamedTuple):
    """The language that a system serves worst."""

    code: str
    value: float


class Comparison(NamedTuple):
    """How much better a system is than a baseline, and how sure that is.

    Attributes:
        difference: of the macro averages over languages, system less baseline.
        low, high: percentile interval of the difference.
        p_value: two-sided, of the hypothesis that there is no difference.
        error: standard error of the difference.
    """

    difference: float
    low: float
    high: float
    p_value: float
    error: float


def macro_average(scores: Scores, without: Collection[str] = ()) -> float:
    """The mean over languages, each weighing the same, less those in `without`."""
    kept = [value for code, value in scores.items() if code not in without]
    if not kept:
        raise DataError(
            f"average: at least one language must be left; got {list(scores)} without "
            f"{list(without)}. Add a language that is not left out."
        )
    return math.fsum(kept) / len(kept)


def qa_score(f1: float, exact_match: float) -> float:
    """The one number that stands for question answering in averages over tasks.

    References:
        Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
    """
    return (f1 + exact_match) / 2.0


def xtreme_average(scores: Mapping[str, Scores], source: str = "en") -> Average:
    """The mean over tasks of each task's mean over its languages.

    Args:
        scores: by task, then by language; of question answering, the `qa_score`.
        source: code of the source language, as `scores` spells it.

    References:
        Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
    """
    known = sorted({code for found in scores.values() for code in found})
    if source not in known:
        raise DataError(
            f"average: at least one task must have a score of the source language; "
            f"got {source!r} among {known}. Spell the source as the scores do."
        )
    means, means_without = (
        {task: macro_average(found, without) for task, found in scores.items()}
        for without in ((), (source,))
    )
    return Average(macro_average(means), macro_average(means_without))


def transfer_gap(source: float, targets: Scores) -> float:
    """How far the mean of the targets stays behind the source; lower is better.

    A system can also close it by getting worse in the source language: report the
    scores beside it.

    References:
        Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
    """
    return source - macro_average(targets)


def gap_reduction(gap: float, baseline_gap: float) -> float:
    """The share of a baseline's transfer gap that is gone: 1 is all, below 0 more gap.

    NaN where the baseline has no gap, of which there could be a share.

    References:
        Yang et al., "Enhancing Cross-lingual Transfer by Manifold Mixup", 2022.
        https://arxiv.org/abs/2205.04182
    """
    return (baseline_gap - gap) / baseline_gap if baseline_gap > 0 else math.nan


def worst_language(scores: Scores) -> WorstLanguage:
    """The language with the lowest score; of several, the first by code."""
    if not scores:
        raise DataError(
            "worst language: at least one score must be given; got none. Score a "
            "language first."
        )
    code = min(scores, key=lambda code: (_nan_is_lowest(scores[code]), code))
    return WorstLanguage(code, scores[code])


def paired_bootstrap(
    ids: Mapping[str, Sequence[str]],
    system: ItemStatistics,
    baseline: ItemStatistics,
    metric: Metric | None = None,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the same test items by resampling the items.

    The items of parallel test sets are translations of each other, so their errors
    go together: an id is drawn in all languages that have it at once, and the
    interval does not shrink as if every language brought new evidence. Test sets
    that are not parallel need ids that tell their languages apart. In each resample
    the metric is taken by language, then averaged over languages. It tells what
    other test items could have given, not what other training seeds could.

    Args:
        ids: by language, the id of each item.
        system: by language, per-item statistics `item stat` in the order of `ids`,
            such as those of `entities.entity_counts`.
        metric: from sums of statistics `... stat` to scores `...`, such as
            `entities.micro_f1`. Without it statistics are one score an item,
            shape `item`, and the metric is their mean.

    References:
        Koehn, "Statistical Significance Tests for Machine Translation Evaluation",
        2004. https://aclanthology.org/W04-3250
        Davison & Hinkley, "Bootstrap Methods and their Application", 1997: the
        percentile interval, and the one added to both counts of the p-value.
        https://doi.org/10.1017/CBO9780511802843
    """
    places = _places(ids)
    table = np.stack(
        [
            _table(name, ids, places, statistics, is_score=metric is None)
            for name, statistics in (("system", system), ("baseline", baseline))
        ],
        axis=1,
    )
    metric = _mean if metric is None else metric
    observed = _differences(table.sum(0)[None], metric)
    blocks = _resampled_sums(table, num_resamples, seed)
    drawn = np.concatenate([_differences(sums, metric) for sums in blocks])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    rarer = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p_value = min(1.0, 2.0 * (rarer + 1) / (num_resamples + 1))
    ends, error = (float(low), float(high)), float(drawn.std())
    return Comparison(float(observed[0]), *ends, float(p_value), error)


def standard_error(
    ids: Mapping[str, Sequence[str]],
    system: ItemStatistics,
    metric: Metric | None = None,
    num_resamples: int = 2000,
    seed: int = 0,
) -> float:
    """Of the mean over languages of a system's metric, over test items drawn anew.

    Arguments are those of `paired_bootstrap`, which says what is drawn.

    References:
        Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 6.
        https://doi.org/10.1201/9780429246593
    """
    is_score = metric is None
    table = _table("system", ids, _places(ids), system, is_score=is_score)[:, None]
    metric = _mean if metric is None else metric
    blocks = _resampled_sums(table, num_resamples, seed)
    return float(np.concatenate([metric(sums).mean(-1)[:, 0] for sums in blocks]).std())


def over_seeds(found: Sequence[Comparison]) -> Comparison:
    """Comparisons of several training seeds on the same test items as one.

    What other items would give is not averaged out, since all seeds have the same
    ones; what other seeds would give, by the variance between them, comes on top.

    Args:
        found: of each seed.
    """
    values = np.asarray([one.difference for one in found])
    items = float(np.mean([one.error for one in found])) ** 2
    seeds = float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
    mean, error = float(values.mean()), math.sqrt(items + seeds)
    reach = NormalDist().inv_cdf(0.975) * error
    p_value = float(mean == 0)
    if error > 0:
        p_value = 2.0 * NormalDist().cdf(-abs(mean) / error)
    return Comparison(mean, mean - reach, mean + reach, p_value, error)


def _nan_is_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _mean(sums: Float[np.ndarray, "*lead 2"]) -> Float[np.ndarray, "*lead"]:
    """Mean from the sum of scores and their number; 0 where none was drawn."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1.0)


def _differences(
    sums: Float[np.ndarray, "resample system lang stat"], metric: Metric
) -> Float[np.ndarray, " resample"]:
    """System less baseline, of macro averages."""
    average = metric(sums).mean(-1)
    difference = average[:, 0] - average[:, 1]
    return np.where(np.abs(difference) < _ROUNDING, 0.0, difference)


def _resampled_sums(
    table: Float[np.ndarray, "item system lang stat"], num_resamples: int, seed: int
) -> Iterator[Float[np.ndarray, "resample system lang stat"]]:
    """Blocks of sums `resample system lang stat`, items drawn with replacement."""
    rng = np.random.default_rng(seed)
    num_items, *shape = table.shape
    flat = table.reshape(num_items, -1)
    size = max(1, _BLOCK // num_items)
    for first in range(0, num_resamples, size):
        num = min(size, num_resamples - first)
        drawn = rng.integers(num_items, size=(num, num_items))
        drawn += num_items * np.arange(num)[:, None]
        times = np.bincount(drawn.ravel(), minlength=num * num_items)
        sums = times.reshape(num, num_items).astype(np.float64) @ flat
        yield sums.reshape(num, *shape)


def _places(ids: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Row of every id of any language."""
    for code, names in ids.items():
        if not names or len(set(names)) != len(names):
            raise DataError(
                f"bootstrap, language {code!r}: ids must be unique and at least one; "
                f"got {len(names)} of which {len(set(names))} differ. Give every "
                f"item its own id."
            )
    union = dict.fromkeys(name for names in ids.values() for name in names)
    return {name: row for row, name in enumerate(union)}


def _table(
    name: str,
    ids: Mapping[str, Sequence[str]],
    places: Mapping[str, int],
    statistics: ItemStatistics,
    is_score: bool,
) -> Float[np.ndarray, "item lang stat"]:
    """Statistics of every item and language; 0 where a language lacks the item."""
    if not ids or set(statistics) != set(ids):
        raise DataError(
            f"bootstrap, {name}: statistics must be of the same languages as ids; got "
            f"{sorted(statistics)} and {sorted(ids)}. Leave out a language in both."
        )
    columns = []
    for code, names in ids.items():
        values = np.asarray(statistics[code], np.float64)
        _check(f"{name}, language {code!r}", values, len(names), is_score)
        if is_score:
            values = np.stack([values, np.ones_like(values)], axis=-1)
        column = np.zeros((len(places), values.shape[-1]))
        column[[places[item] for item in names]] = values
        columns.append(column)
    return np.stack(columns, axis=1)


def _check(place: str, values: np.ndarray, num_items: int, is_score: bool) -> None:
    wanted = f"({num_items},)" if is_score else f"({num_items}, number of statistics)"
    if values.ndim != (1 if is_score else 2) or len(values) != num_items:
        raise DataError(
            f"bootstrap, {place}: statistics must have shape {wanted}, a row for each "
            f"id; got {values.shape}. Counts need a metric, scores need none."
        )
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise DataError(
            f"bootstrap, {place}: every statistic must be a finite number; got "
            f"{values[row]} in row {row}. Score the items that failed as wrong."
        )
