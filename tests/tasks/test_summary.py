import math

import numpy as np
import pytest
from scipy import stats

from xlnas_jax.tasks import entities, summary
from xlnas_jax.tasks.summary import paired_bootstrap, standard_error
from xlnas_jax.types import DataError

# Two runs of 4,000 resamples agree on a 95 % bound to about 0.04 standard errors.
SAME_BOUND = 0.15


def paired_scores(num: int, seed: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Correctness of two systems that agree on most items."""
    rng = np.random.default_rng(seed)
    difficulty = rng.random(num)
    noise = rng.normal(0.0, 0.15, (2, num))
    ability = np.array([[0.6 + gain], [0.6]])
    system, baseline = (ability + noise > difficulty).astype(np.float64)
    return system, baseline


def names(num: int, prefix: str = "") -> list[str]:
    return [f"{prefix}{row}" for row in range(num)]


def width(found: summary.Comparison) -> float:
    return found.high - found.low


def test_averages_by_hand():
    assert summary.macro_average({"en": 0.9, "de": 0.6, "sw": 0.3}) == 0.6
    scores = {"en": 0.9, "de": 0.6, "sw": 0.2}
    assert summary.macro_average(scores, without={"en"}) == pytest.approx(0.4)
    assert summary.qa_score(f1=0.8, exact_match=0.5) == 0.65


def test_the_average_over_tasks_weighs_tasks_alike_with_and_without_the_source():
    scores = {
        "xnli": {"en": 0.8, "de": 0.7, "sw": 0.6},
        "xquad": {"en": summary.qa_score(0.9, 0.7), "de": summary.qa_score(0.6, 0.4)},
        "tatoeba": {"de": 0.3},
    }
    found = summary.xtreme_average(scores)
    assert found.with_source == pytest.approx((0.7 + 0.65 + 0.3) / 3)
    assert found.without_source == pytest.approx((0.65 + 0.5 + 0.3) / 3)


@pytest.mark.parametrize(
    ("single", "qa", "average"),
    [
        ((79.2, 86.4, 73.8, 65.4), ((76.6, 60.8), (71.6, 53.2), (65.1, 45.0)), 70.1),
        ((83.9, 91.4, 76.2, 67.7), ((82.4, 68.0), (76.2, 57.7), (68.3, 50.9)), 74.4),
        ((85.3, 91.8, 78.4, 69.0), ((82.6, 69.3), (76.5, 58.1), (69.0, 52.8)), 75.5),
        ((65.4, 81.9, 71.5, 62.2), ((64.5, 49.4), (61.4, 44.2), (59.7, 43.9)), 63.2),
    ],
    ids=["XLM-R", "FILTER", "X-Mixup", "mBERT"],
)
def test_the_rule_for_averages_gives_the_published_column(single, qa, average):
    # Results of Yang et al. 2022: XNLI, PAWS-X, POS, NER; XQuAD, MLQA, TyDiQA (F1, EM).
    scores = [*single, *(summary.qa_score(f1, match) for f1, match in qa)]
    tasks = {str(task): {"all": score} for task, score in enumerate(scores)}
    tasks["0"]["en"] = tasks["0"]["all"]
    assert round(summary.xtreme_average(tasks).without_source, 1) == average


def test_gaps_by_hand():
    targets = {"de": 0.7, "sw": 0.5}
    assert summary.transfer_gap(0.8, targets) == pytest.approx(0.2)
    assert summary.gap_reduction(gap=0.15, baseline_gap=0.2) == pytest.approx(0.25)
    assert summary.gap_reduction(gap=0.3, baseline_gap=0.2) == pytest.approx(-0.5)
    # A system that is only worse in English shrinks the gap: scores must be shown.
    assert summary.transfer_gap(0.7, targets) < summary.transfer_gap(0.8, targets)
    assert math.isnan(summary.gap_reduction(gap=0.1, baseline_gap=0.0))


def test_the_worst_language_is_the_lowest_then_the_first_by_code():
    assert summary.worst_language({"sw": 0.5, "de": 0.7, "am": 0.5}) == ("am", 0.5)
    code, value = summary.worst_language({"am": 0.1, "sw": math.nan, "de": 0.7})
    assert code == "sw"
    assert math.isnan(value)


def test_nothing_to_average_is_refused():
    with pytest.raises(DataError, match="at least one language must be left"):
        summary.macro_average({"en": 0.5}, without=("en",))
    with pytest.raises(DataError, match=r"got 'eng' among \['de', 'en'\]"):
        summary.xtreme_average({"xnli": {"en": 0.5, "de": 0.4}}, source="eng")
    with pytest.raises(DataError, match="at least one score"):
        summary.worst_language({})


@pytest.mark.parametrize("seed", range(3))
def test_means_agree_with_scipy_and_normal_theory(seed):
    system, baseline = paired_scores(400, seed, gain=0.03)
    found = paired_bootstrap(
        {"de": names(400)}, {"de": system}, {"de": baseline}, num_resamples=4000
    )
    expected = stats.bootstrap(
        (system, baseline),
        lambda a, b, axis: (a - b).mean(axis),
        paired=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(99),
    ).confidence_interval
    error = (system - baseline).std() / np.sqrt(400)
    assert found.difference == pytest.approx((system - baseline).mean())
    normal = found.difference + error * stats.norm.ppf([0.025, 0.975])
    bounds = [found.low, found.high]
    np.testing.assert_allclose(bounds, expected, atol=SAME_BOUND * error)
    np.testing.assert_allclose(bounds, normal, atol=SAME_BOUND * error)
    expected_p = 2 * stats.norm.sf(abs(found.difference) / error)
    assert found.p_value == pytest.approx(expected_p, abs=0.05)


def test_micro_f1_from_counts_agrees_with_scipy():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 4, 300)
    given = np.maximum(gold + rng.integers(-1, 2, (2, 300)), 0)
    right = rng.binomial(np.minimum(gold, given), [[0.8], [0.7]])
    system, baseline = np.stack([right, given, np.stack([gold, gold])], axis=-1)
    found = paired_bootstrap(
        {"de": names(300)},
        {"de": system},
        {"de": baseline},
        metric=entities.micro_f1,
        num_resamples=4000,
    )

    def difference(a, b, c, d, e, axis):
        a, b, c, d, e = (part.sum(axis) for part in (a, b, c, d, e))
        return 2 * a / (b + c) - 2 * d / (e + c)

    parts = (*system.T, *baseline.T[:2])
    expected = stats.bootstrap(
        parts,
        difference,
        paired=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(99),
    )
    assert found.difference == pytest.approx(difference(*parts, axis=0))
    np.testing.assert_allclose(
        [found.low, found.high],
        expected.confidence_interval,
        atol=SAME_BOUND * expected.standard_error,
    )


def test_parallel_items_are_drawn_in_all_languages_at_once():
    system, baseline = paired_scores(500, 0, gain=0.05)
    codes = ("de", "sw", "ta", "zh")
    items = {code: system for code in codes}, {code: baseline for code in codes}
    parallel = paired_bootstrap({code: names(500) for code in codes}, *items)
    apart = paired_bootstrap({code: names(500, code) for code in codes}, *items)
    alone = paired_bootstrap(
        {"de": names(500)}, {"de": system}, {"de": baseline}, seed=1
    )
    assert parallel.difference == pytest.approx(apart.difference)
    # Four copies of the same evidence are worth one; taken as four, half the width.
    assert width(parallel) == pytest.approx(width(alone), rel=0.1)
    assert width(apart) == pytest.approx(width(parallel) / 2, rel=0.1)


def test_order_of_items_may_differ_between_languages():
    system, baseline = paired_scores(200, 3, gain=0.05)
    ids = names(200)
    same = paired_bootstrap(
        {"de": ids, "sw": ids},
        {"de": system, "sw": system},
        {"de": baseline, "sw": baseline},
    )
    reversed_too = paired_bootstrap(
        {"de": ids, "sw": ids[::-1]},
        {"de": system, "sw": system[::-1]},
        {"de": baseline, "sw": baseline[::-1]},
    )
    assert same == reversed_too


def test_languages_that_share_some_items_get_the_interval_of_normal_theory():
    system, baseline = paired_scores(600, 1, gain=0.04)
    rows = {"de": slice(0, 400), "sw": slice(200, 600)}
    found = paired_bootstrap(
        {code: names(600)[row] for code, row in rows.items()},
        {code: system[row] for code, row in rows.items()},
        {code: baseline[row] for code, row in rows.items()},
        num_resamples=4000,
    )
    # Each item adds its residual in both languages: the shared ones twice.
    gain = system - baseline
    residual = np.zeros(600)
    for row in rows.values():
        residual[row] += (gain[row] - gain[row].mean()) / 400 / 2
    error = np.sqrt((residual**2).sum())
    assert width(found) == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_the_seed_decides_and_exchange_mirrors():
    system, baseline = ({"de": part} for part in paired_scores(100, 2, gain=0.05))
    ids = {"de": names(100)}
    found = paired_bootstrap(ids, system, baseline, seed=7)
    assert found == paired_bootstrap(ids, system, baseline, seed=7)
    assert found != paired_bootstrap(ids, system, baseline, seed=8)
    mirrored = paired_bootstrap(ids, baseline, system, seed=7)
    ends = -found.high, -found.low
    expected = (-found.difference, *ends, found.p_value, found.error)
    np.testing.assert_allclose(mirrored, expected, atol=1e-12)


def test_equal_systems_differ_by_nothing_and_clear_ones_never_reach_p_zero():
    system, _ = paired_scores(100, 2, gain=0.0)
    ids = {"de": names(100), "sw": names(100)}
    same = {"de": system, "sw": 1.0 - system}
    assert paired_bootstrap(ids, same, same) == (0.0, 0.0, 0.0, 1.0, 0.0)
    best, worst = ({code: np.full(100, value) for code in ids} for value in (1.0, 0.0))
    found = paired_bootstrap(ids, best, worst, num_resamples=999)
    assert found == (1.0, 1.0, 1.0, 2 / 1000, 0.0)


def test_true_differences_of_nothing_are_rarely_called_significant():
    calls = []
    for seed in range(300):
        system, baseline = paired_scores(80, seed, gain=0.0)
        found = paired_bootstrap(
            {"de": names(80)}, {"de": system}, {"de": baseline}, num_resamples=300
        )
        calls.append(found.p_value < 0.05)
    # 5 % of 300 are 15; binomial 99.9 % bounds.
    assert stats.binomtest(sum(calls), 300, 0.05).pvalue > 0.001


def test_many_items_are_drawn_in_blocks(monkeypatch):
    system, baseline = ({"de": part} for part in paired_scores(100, 2, gain=0.05))
    ids = {"de": names(100)}
    whole = paired_bootstrap(ids, system, baseline, num_resamples=50)
    monkeypatch.setattr(summary, "_BLOCK", 700)
    assert paired_bootstrap(ids, system, baseline, num_resamples=50) == whole


def test_statistics_that_do_not_fit_the_ids_are_refused():
    good = {"de": np.zeros(3)}
    ids = {"de": names(3)}
    with pytest.raises(DataError, match="baseline: statistics must be of the same"):
        paired_bootstrap(ids, good, {"sw": np.zeros(3)})
    with pytest.raises(DataError, match=r"system, language 'de'.*\(3,\).*got \(4,\)"):
        paired_bootstrap(ids, {"de": np.zeros(4)}, good)
    with pytest.raises(DataError, match=r"got \(3, 3\).*need a metric"):
        paired_bootstrap(ids, {"de": np.zeros((3, 3))}, good)
    with pytest.raises(DataError, match=r"finite number; got nan in row 1"):
        paired_bootstrap(ids, {"de": np.array([0.0, np.nan, 1.0])}, good)
    with pytest.raises(DataError, match="got 3 of which 2 differ"):
        paired_bootstrap({"de": ["a", "b", "a"]}, good, good)


def test_the_standard_error_is_that_of_the_mean_of_paired_differences():
    system, baseline = paired_scores(400, 3, gain=0.05)
    found = paired_bootstrap({"de": names(400)}, {"de": system}, {"de": baseline})
    expected = (system - baseline).std() / np.sqrt(400)
    assert found.error == pytest.approx(expected, rel=0.1)


def test_the_error_of_one_system_is_that_of_a_mean():
    rng = np.random.default_rng(5)
    scores = rng.random(400)
    ids = [f"i{n}" for n in range(400)]
    wanted = scores.std() / np.sqrt(400)
    found = standard_error({"de": ids}, {"de": scores})
    assert found == pytest.approx(wanted, rel=0.05)
    # A language that says the same brings no evidence, one of its own does.
    same = standard_error({"de": ids, "fr": ids}, {"de": scores, "fr": scores})
    assert same == pytest.approx(found, rel=1e-6)
    other, others = rng.permutation(scores), [f"j{n}" for n in range(400)]
    apart = standard_error({"de": ids, "fr": others}, {"de": scores, "fr": other})
    assert apart == pytest.approx(wanted / np.sqrt(2), rel=0.07)


def test_the_error_of_micro_f1_agrees_with_scipy():
    rng = np.random.default_rng(6)
    counts = rng.integers(0, 4, size=(120, 3)).astype(float)
    found = standard_error(
        {"de": [str(n) for n in range(120)]}, {"de": counts}, entities.micro_f1
    )
    wanted = stats.bootstrap(
        (np.arange(120),),
        lambda rows: entities.micro_f1(counts[rows].sum(0)),
        vectorized=False,
        n_resamples=2000,
        random_state=7,
    ).standard_error
    assert found == pytest.approx(wanted, rel=0.08)


def test_one_seed_is_itself_and_seeds_that_differ_widen_the_interval():
    one = summary.Comparison(0.02, -0.01, 0.05, 0.2, 0.015)
    alone = summary.over_seeds([one])
    assert (alone.difference, alone.error) == (one.difference, one.error)
    equal = summary.over_seeds([one, one, one])
    # The items are the same ones: three seeds do not make them three times as many.
    assert width(equal) == pytest.approx(width(alone))
    apart = summary.over_seeds([one._replace(difference=d) for d in (0.0, 0.02, 0.04)])
    error = math.sqrt(0.015**2 + np.var([0.0, 0.02, 0.04], ddof=1) / 3)
    assert apart.difference == pytest.approx(0.02)
    assert apart.error == pytest.approx(error)
    assert width(apart) == pytest.approx(2 * stats.norm.ppf(0.975) * error)
    assert apart.p_value == pytest.approx(2 * stats.norm.sf(0.02 / error))


def test_without_any_spread_a_difference_is_certain():
    none = summary.Comparison(0.0, 0.0, 0.0, 1.0, 0.0)
    assert summary.over_seeds([none, none]).p_value == 1.0
    assert summary.over_seeds([none._replace(difference=0.1)]).p_value == 0.0
