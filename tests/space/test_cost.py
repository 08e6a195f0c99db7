import jax
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, tiny_space
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.space.constraints import is_feasible, require_feasible
from xlnas_jax.space.cost import COSTS, CostModel, HeadSize
from xlnas_jax.space.latency import Latency, LatencyTable
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.types import ArchitectureError

# Parameters and FLOPs are held against the exported network and XLA's own count
# in tests/export.


@pytest.fixture
def costs() -> CostModel:
    return CostModel(
        tiny_space(min_layers=2), SHAPE, (HeadSize(NUM_LABELS),), length=16
    )


def random_rows(costs: CostModel, num: int) -> np.ndarray:
    archs = costs.space.sample_valid(jax.random.key(0), num)
    return np.array(costs.space.flatten(archs))


def test_smallest_bounds_every_valid_architecture_and_is_reached(costs):
    rows = random_rows(costs, 4000)
    smallest = costs.smallest()
    for name, counts in costs(rows).items():
        assert counts.min() >= smallest[name]
    single = np.asarray(costs.space.flatten(costs.space.smallest()))[None]
    reached = costs(single)
    assert {name: int(reached[name][0]) for name in COSTS} == smallest


@pytest.mark.parametrize("knob", ["keep", "heads", "ffn"])
def test_costs_never_fall_when_a_choice_grows(costs, knob):
    rows = random_rows(costs, 200)
    column = costs.space.columns(knob).start
    larger = rows.copy()
    larger[:, column] = costs.space.num_choices[column] - 1
    before, after = costs(rows), costs(larger)
    for name in COSTS:
        assert (after[name] >= before[name]).all()
        assert (after[name] > before[name]).any()


def test_choices_in_skipped_layers_cost_nothing(costs):
    rows = random_rows(costs, 200)
    before, after = costs(rows), costs(costs.space.canonical(rows))
    for name in COSTS:
        np.testing.assert_array_equal(before[name], after[name])


def test_stages_add_up_to_the_work_of_the_encoder(costs):
    space = costs.space
    attention, ffn = costs.stages()
    row = np.array(space.flatten(space.largest()))[None]
    row[0, space.columns("pooling")] = space.knob("pooling").choices.index("mean")
    head = costs.heads[0].flops(costs.shape.width, costs.length)
    layers = space.knob("keep").sites
    expected = layers * (attention[-1] + ffn[-1]) + head
    assert costs(row)["flops"][0] == expected


def test_costs_are_the_sums_of_their_parts(costs):
    table = LatencyTable((10, 20, 30, 40), ((3, 5, 9), (0, 2, 7)))
    costs = costs.with_latency(Latency(table, 0.0))
    layer, fixed = costs.parts()
    space, rows = costs.space, random_rows(costs, 300)
    keep, heads, ffn = (rows[:, space.columns(n)] for n in ("keep", "heads", "ffn"))
    pooling = rows[:, space.columns("pooling").start]
    counts = costs(rows)
    sums = {
        name: fixed[name][pooling] + (keep * layer[name][heads, ffn]).sum(-1)
        for name in ("params", "flops", "latency_ns")
    }
    np.testing.assert_array_equal(counts["params"], sums["params"])
    np.testing.assert_array_equal(counts["flops"], sums["flops"])
    np.testing.assert_array_equal(counts["latency_ms"], sums["latency_ns"] / 1e6)
    of_layers = sums["params"] - fixed["params"][pooling]
    np.testing.assert_array_equal(counts["encoder_params"], of_layers)
    peak = (keep * layer["peak_bytes"][heads, ffn]).max(-1)
    memory = fixed["memory_bytes"][pooling] + 4 * of_layers + peak
    np.testing.assert_array_equal(counts["memory_bytes"], memory)


def test_latency_is_no_cost_until_it_was_measured(costs):
    rows = random_rows(costs, 3)
    assert "latency_ms" not in costs(rows)
    assert "latency_ms" not in costs.smallest()
    measured = costs.with_latency(
        Latency(LatencyTable((1,), ((1,) * 3, (1,) * 3)), 0.0)
    )
    assert "latency_ms" not in measured.counted(rows)


def test_flops_grow_faster_than_length(costs):
    rows = random_rows(costs, 20)
    double = CostModel(costs.space, SHAPE, (HeadSize(NUM_LABELS),), length=32)
    assert (double(rows)["flops"] > 2 * costs(rows)["flops"] - 10_000).all()
    assert (double(rows)["flops_per_token"] > costs(rows)["flops_per_token"]).all()


def test_limits_are_inclusive_and_all_hold(costs):
    rows = random_rows(costs, 500)
    counts = costs(rows)
    limit = int(np.median(counts["params"]))
    flops = int(np.median(counts["flops"]))
    config = ConstraintsConfig(params=float(limit), flops=float(flops))
    expected = (counts["params"] <= limit) & (counts["flops"] <= flops)
    np.testing.assert_array_equal(is_feasible(rows, costs, config), expected)
    assert 0 < expected.sum() < len(rows)


def test_too_shallow_architectures_are_infeasible(costs):
    rows = random_rows(costs, 10)
    rows[:, costs.space.columns("keep")] = [1, 0, 0]
    assert not is_feasible(rows, costs, ConstraintsConfig()).any()


@pytest.mark.parametrize("name", ["params", "encoder_params", "flops", "memory_bytes"])
def test_a_limit_that_nothing_meets_names_the_smallest_value(costs, name):
    smallest = costs.smallest()[name]
    require_feasible(costs, ConstraintsConfig(**{name: float(smallest)}))
    with pytest.raises(ArchitectureError, match=f"constraints.{name}.*{smallest:,}"):
        require_feasible(costs, ConstraintsConfig(**{name: float(smallest - 1)}))


@pytest.mark.parametrize("reads_tokens", [False, True])
@pytest.mark.parametrize("num_languages", [0, 3])
def test_head_counts_equal_its_leaves(reads_tokens, num_languages):
    size = HeadSize(NUM_LABELS, reads_tokens, num_languages)
    head = init_head(
        jax.random.key(0), SHAPE, NUM_LABELS, False, reads_tokens, num_languages
    )
    assert size.params(SHAPE) == sum(x.size for x in jax.tree.leaves(head))


def test_all_heads_are_stored_and_the_costliest_one_is_run():
    space = tiny_space(min_layers=2)
    row = np.asarray(space.flatten(space.largest()))[None]
    sentence, tokens = HeadSize(3), HeadSize(9, reads_tokens=True)
    one, other, both = (
        CostModel(space, SHAPE, heads, length=16)(row)
        for heads in ((sentence,), (tokens,), (sentence, tokens))
    )
    assert both["flops"] == max(one["flops"], other["flops"])
    extra = tokens.params(SHAPE)
    assert both["params"] == one["params"] + extra
