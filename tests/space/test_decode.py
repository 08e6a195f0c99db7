"""Decoding finds what trying every architecture of a small space finds."""

import dataclasses
import itertools

import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.constraints import is_feasible, limits
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.decode import make_decode, make_repair
from xlnas_jax.space.disk import Disk
from xlnas_jax.space.latency import Latency, LatencyTable
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.types import ArchitectureError

# Sums of some ten logarithms, in another order.
TOLERANCE = 1e-9
NAMES = ("params", "encoder_params", "flops", "memory_bytes", "disk_mb", "latency_ms")
SPACES = {
    "two layers, many widths": (
        2,
        SpaceConfig(
            min_layers=1,
            heads=(1, 2, 4),
            ffn=(4, 8, 16, 32),
            pooling=("cls", "attentive"),
        ),
    ),
    "three layers": (
        3,
        SpaceConfig(
            min_layers=2,
            heads=(1, 2, 4),
            ffn=(8, 32),
            pooling=("attentive", "mean"),
        ),
    ),
    "every layer is kept": (
        3,
        SpaceConfig(
            elastic_depth=False,
            heads=(2, 4),
            ffn=(8, 16, 32),
            pooling=("attentive", "max"),
        ),
    ),
    "layers that may be left untrained": (
        2,
        SpaceConfig(heads=(1, 4), ffn=(8, 16, 32), tuned=(0.0, 0.5, 1.0)),
    ),
}


def make_costs(name: str) -> CostModel:
    layers, config = SPACES[name]
    shape = dataclasses.replace(SHAPE, num_layers=layers)
    space = make_space(config, shape)
    rng = np.random.default_rng(len(name))

    def rising(knob: str) -> tuple[int, ...]:
        count = len(space.knob(knob).choices)
        return tuple(np.cumsum(rng.integers(0, 400_000, count)).tolist())

    # Attentive pooling is the faster one here: smallest networks differ by cost.
    table = LatencyTable((100_000, 250_000), (rising("heads"), rising("ffn")))
    if space.knob("pooling").choices[0] != "attentive":
        table = dataclasses.replace(table, fixed=table.fixed[::-1])
    head = (HeadSize(NUM_LABELS),)
    disk = Disk("onnx-int8", tokenizer_bytes=3_000)
    costs = CostModel(space, shape, head, length=16, batch_size=8, disk=disk)
    return costs.with_latency(Latency(table, margin=0.125))


def every_row(costs: CostModel) -> np.ndarray:
    """Choices in skipped layers told apart: what a policy can draw."""
    sizes = costs.space.num_choices
    return np.asarray(list(itertools.product(*map(range, sizes))), np.int32)


@pytest.fixture(scope="module", params=SPACES)
def problem(request):
    costs = make_costs(request.param)
    return costs, every_row(costs)


def log_probs(costs: CostModel, rng: np.random.Generator) -> np.ndarray:
    """Of random logits; what a site lacks is as unlikely as a mask makes it."""
    sizes = np.asarray(costs.space.num_choices)
    logits = rng.normal(0, rng.choice([0.0, 0.3, 3.0]), (len(sizes), sizes.max()))
    logits[np.arange(sizes.max())[None] >= sizes[:, None]] = -np.inf
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def random_limits(costs, rows, rng: np.random.Generator) -> ConstraintsConfig:
    """Of a few costs, each somewhere within what networks cost, or a little below."""
    deep = costs.space.num_kept(rows) >= costs.space.min_layers
    counts = costs(rows[deep])
    counts["latency_ms"] = counts["latency_ms"] * 1.125
    chosen = rng.choice(NAMES, rng.integers(1, 4), replace=False)
    return ConstraintsConfig(
        **{
            name: float(np.quantile(counts[name], rng.uniform(0, 0.5)))
            * rng.choice([0.9, 1.0])
            for name in chosen.tolist()
        }
    )


def test_the_decoded_architecture_is_the_likeliest_feasible_one(problem):
    costs, rows = problem
    rng = np.random.default_rng(0)
    found_none = 0
    for _ in range(40):
        scores, config = log_probs(costs, rng), random_limits(costs, rows, rng)
        feasible = rows[is_feasible(rows, costs, config)]
        decode = make_decode(costs, config)
        if not len(feasible):
            found_none += 1
            with pytest.raises(ArchitectureError, match="within all of"):
                decode(scores)
            continue
        row = decode(scores)
        assert is_feasible(row[None], costs, config).all()
        sites = np.arange(rows.shape[1])
        expected = scores[sites, feasible].sum(-1).max()
        assert scores[sites, row].sum() == pytest.approx(expected, abs=TOLERANCE)
    assert 0 < found_none < 20


def test_without_limits_every_site_gets_its_likeliest_choice(problem):
    costs, _ = problem
    scores = log_probs(costs, np.random.default_rng(2))
    keep = costs.space.knob("keep")
    scores[costs.space.columns("keep"), keep.choices.index(1)] = 1.0
    row = make_decode(costs, ConstraintsConfig())(scores)
    np.testing.assert_array_equal(row, scores.argmax(-1))


def test_limits_are_met_to_the_last_unit(problem):
    costs, rows = problem
    counts = costs.counted(rows)
    scores = np.arange(max(costs.space.num_choices), dtype=float)[None] * np.ones(
        (rows.shape[1], 1)
    )
    for name in ("params", "encoder_params", "flops", "memory_bytes"):
        reached = np.unique(
            counts[name][costs.space.num_kept(rows) >= costs.space.min_layers]
        )
        limit = int(reached[len(reached) // 2])
        at = make_decode(costs, ConstraintsConfig(**{name: float(limit)}))(scores)
        below = make_decode(costs, ConstraintsConfig(**{name: limit - 0.5}))(scores)
        assert costs.counted(at[None])[name][0] <= limit
        assert costs.counted(below[None])[name][0] < limit


def test_a_choice_without_probability_is_taken_only_where_nothing_else_fits(problem):
    costs, _ = problem
    smallest = costs.counted(costs.smallest_rows())["encoder_params"].min()
    scores = log_probs(costs, np.random.default_rng(1))
    scores[costs.space.columns("ffn"), 0] = -np.inf
    free = make_decode(costs, ConstraintsConfig())(scores)
    assert (free[costs.space.columns("ffn")] > 0).all()
    tight = ConstraintsConfig(encoder_params=float(smallest))
    row = make_decode(costs, tight)(scores)
    assert costs.counted(row[None])["encoder_params"][0] == smallest


def test_nan_scores_are_refused(problem):
    costs, _ = problem
    scores = np.zeros((len(costs.space.num_choices), max(costs.space.num_choices)))
    scores[1, 0] = np.nan
    with pytest.raises(ValueError, match=r"NaN at sites \[1\]"):
        make_decode(costs, ConstraintsConfig())(scores)


def test_an_untrusted_table_is_followed_by_measurements():
    costs = make_costs("three layers")
    rows, space = every_row(costs), costs.space
    table = costs.latency.table
    asked = []

    def measure(given: np.ndarray) -> np.ndarray:
        """Half as slow again as the table says, and never what it says exactly."""
        asked.append(given)
        noise = 1 + 0.1 * np.sin(given.sum(-1))
        return table(space, given) / 1e6 * 1.5 * noise

    costs = costs.with_latency(Latency(table, 0.0, measure))
    limit = float(np.median(measure(rows)))
    config = ConstraintsConfig(latency_ms=limit)
    row = make_decode(costs, config)(log_probs(costs, np.random.default_rng(0)))
    assert measure(row[None])[0] <= limit
    assert len(asked) > 2, "the first network that the table suggests is too slow"


def distances(costs: CostModel, rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    found = np.zeros(len(rows))
    for knob in costs.space.knobs:
        sites = costs.space.columns(knob.name)
        steps = np.abs(rows[:, sites] - row[sites]) / max(len(knob.choices) - 1, 1)
        found += (steps if knob.is_ordered else (steps > 0)).sum(-1)
    return found


def test_repair_gives_the_nearest_feasible_network(problem):
    costs, rows = problem
    rng = np.random.default_rng(3)
    for _ in range(15):
        config = random_limits(costs, rows, rng)
        feasible = rows[is_feasible(rows, costs, config)]
        if not len(feasible):
            continue
        repair = make_repair(costs, config)
        for row in rows[rng.integers(0, len(rows), 4)]:
            near = repair(row)
            assert is_feasible(near[None], costs, config).all()
            expected = distances(costs, feasible, row).min()
            found = distances(costs, near[None], row)[0]
            assert found == pytest.approx(expected, abs=TOLERANCE)
        np.testing.assert_array_equal(repair(feasible[0]), feasible[0])


def test_repair_keeps_what_is_feasible_and_names_what_never_can_be(problem):
    costs, rows = problem
    impossible = ConstraintsConfig(params=1.0)
    assert limits(impossible) == {"params": 1.0}
    with pytest.raises(ArchitectureError, match="smallest possible values"):
        make_repair(costs, impossible)(rows[0])
