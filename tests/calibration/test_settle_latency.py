"""Latency is measured once, trusted only where it may be, and limits stay hard."""

import dataclasses
import json
import pathlib
import shutil
from fractions import Fraction

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.calibration import settle_latency
from xlnas_jax.calibration.settle_latency import (
    make_confirm,
    make_measure,
    measured_latency,
    restore_latency,
)
from xlnas_jax.calibration.settle_latency import settle_latency as settle
from xlnas_jax.cli.main import run
from xlnas_jax.config.cost import ConstraintsConfig, CostConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.every import every_architecture
from xlnas_jax.storage.rundir import Run
from xlnas_jax.types import ArchitectureError

LIMIT_MS = 2.0
CONFIG = tiny_config(
    cost=CostConfig(length=16, latency_networks=30),
    constraints=ConstraintsConfig(latency_ms=LIMIT_MS),
    search=SearchConfig(
        rounds=2,
        weight_steps=1,
        population=4,
        archive_size=16,
        objectives=("error", "latency_ms"),
    ),
)


class Clock:
    """Times networks by their sizes, and remembers which.

    Attributes:
        noise: how far a network strays from the sum of its parts, as a share.
        slow: identifiers of networks that take ten times as long.
    """

    def __init__(self, noise: float = 0.01) -> None:
        self.noise = noise
        self.timed: list[np.ndarray] = []
        self.slow: set[str] = set()
        self.space = None

    def make(self, experiment):
        self.space = experiment.space
        return lambda params, rows: self(rows)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.timed.append(rows)
        space = self.space
        keep, heads, ffn = (rows[:, space.columns(n)] for n in ("keep", "heads", "ffn"))
        exact = 0.5 + (keep * (0.3 + 0.2 * heads + 0.15 * ffn)).sum(-1)
        names = [space.identifier(row) for row in rows]
        stray = [np.cos(int(name, 16) % 1000) for name in names]
        tenfold = np.asarray([9.0 * (name in self.slow) for name in names])
        return exact * (1 + self.noise * np.asarray(stray) + tenfold)

    @property
    def num_timed(self) -> int:
        return sum(map(len, self.timed))


@pytest.fixture
def experiment():
    return prepare(CONFIG)


@pytest.fixture
def opened(tmp_path) -> Run:
    return Run(tmp_path)


def settled(experiment, opened, clock, heard=None):
    said = [] if heard is None else heard
    return settle(experiment, opened, said.append, clock.make(experiment))


def test_nothing_is_measured_where_latency_takes_no_part(opened):
    experiment, clock = prepare(tiny_config()), Clock()
    assert settled(experiment, opened, clock) is experiment
    assert clock.num_timed == 0
    assert opened.read_measured() == {}
    assert make_confirm(experiment, opened, init_params(experiment)) is None


def test_what_adds_up_is_predicted_and_kept_with_the_run(experiment, opened):
    clock, heard = Clock(), []
    found = settled(experiment, opened, clock, heard)
    record = opened.read_measured()["latency"]
    assert record["is_trusted"] and record["mape"] < 0.02 and record["tau"] > 0.9
    assert len(record["networks"]) == clock.num_timed == 30
    assert found.costs.latency.measure is None
    assert found.costs.latency.margin == record["margin"] > 0
    rows = every_architecture(experiment.space)
    np.testing.assert_allclose(found.costs(rows)["latency_ms"], clock(rows), rtol=0.05)
    assert "held-out networks are predicted with an error of" in heard[-1]


def test_a_resumed_run_keeps_what_was_measured(experiment, opened):
    first = settled(experiment, opened, Clock())
    clock = Clock(noise=0.05)
    again = settled(experiment, opened, clock)
    assert clock.num_timed == 0
    assert again.costs.latency.table == first.costs.latency.table


def test_another_kind_of_device_is_measured_anew(experiment, opened):
    settled(experiment, opened, Clock())
    record = opened.read_measured()["latency"]
    own = {**opened.read_measured()["latency_ms"], "of a candidate": 1.0}
    elsewhere = {"latency": {**record, "device": "abacus"}, "latency_ms": own}
    opened.merge_measured(elsewhere)
    clock = Clock()
    settled(experiment, opened, clock)
    assert clock.num_timed == 30
    assert "of a candidate" not in opened.read_measured()["latency_ms"]


def test_networks_that_do_not_add_up_are_measured_one_by_one(experiment, opened):
    clock, heard = Clock(noise=0.6), []
    found = settled(experiment, opened, clock, heard)
    assert "every candidate is measured" in heard[-1]
    rows = every_architecture(experiment.space)
    within = is_feasible(rows, found.costs, CONFIG.constraints)
    np.testing.assert_array_equal(within, clock(rows) <= LIMIT_MS)
    before = clock.num_timed
    is_feasible(rows, found.costs, CONFIG.constraints)
    assert clock.num_timed == before, "no network is timed twice"
    known = opened.read_measured()["latency_ms"]
    assert {experiment.space.identifier(row) for row in rows} == known.keys()


def test_a_resumed_run_times_no_candidate_again(experiment, opened):
    found = settled(experiment, opened, Clock(noise=0.6))
    rows = every_architecture(experiment.space)
    within = is_feasible(rows, found.costs, CONFIG.constraints)
    clock = Clock(noise=0.1)
    again = settled(experiment, opened, clock)
    np.testing.assert_array_equal(
        is_feasible(rows, again.costs, CONFIG.constraints), within
    )
    assert clock.num_timed == 0


def test_what_only_fills_a_population_is_never_timed(experiment, opened):
    clock = Clock()
    measure = make_measure(
        experiment, opened, lambda: init_params(experiment), clock.make(experiment)
    )
    rows = np.zeros((3, len(experiment.space.num_choices)), np.int32)
    rows[1, experiment.space.columns("keep")] = 1
    found = measure(rows)
    assert clock.num_timed == 1
    assert found[1] < LIMIT_MS < found[0] == found[2]


def test_a_limit_below_every_network_is_named_before_anything_is_trained(opened):
    tight = dataclasses.replace(CONFIG, constraints=ConstraintsConfig(latency_ms=0.5))
    experiment = prepare(tight)
    with pytest.raises(ArchitectureError, match=r"latency_ms.*smallest possible"):
        settled(experiment, opened, Clock())


def test_finalists_are_held_against_what_was_measured_of_them(experiment, opened):
    clock = Clock()
    rows = every_architecture(experiment.space)
    clock.make(experiment)
    fast = rows[clock(rows) <= LIMIT_MS]
    clock.slow = {experiment.space.identifier(fast[3])}
    params = init_params(experiment)
    confirm = make_confirm(experiment, opened, params, clock.make(experiment))
    expected = np.ones(len(fast), bool)
    expected[3] = False
    np.testing.assert_array_equal(confirm(fast), expected)


def test_what_is_only_minimised_is_measured_but_not_dropped(opened):
    free = prepare(dataclasses.replace(CONFIG, constraints=ConstraintsConfig()))
    clock = Clock()
    confirm = make_confirm(free, opened, init_params(free), clock.make(free))
    rows = every_architecture(free.space)[:7]
    assert confirm(rows).all()
    assert clock.num_timed == 7


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A finished search under a limit on latency."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "config.yaml").write_text(dump_config(CONFIG))
    search(folder, "run", Clock())
    return folder


def search(folder: pathlib.Path, name: str, clock: Clock) -> None:
    arguments = ["search", str(folder / "config.yaml"), "--run-dir"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle_latency, "make_timer", clock.make)
        assert run([*arguments, str(folder / name)]) == 0


def read(folder: pathlib.Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


@pytest.mark.slow
def test_the_points_of_a_front_were_measured_to_be_within_the_limit(searched):
    front = read(searched / "run", "front.json")
    measured = read(searched / "run", "measured.json")["latency_ms"]
    assert front["constraints"] == [{"cost": "latency_ms", "limit": LIMIT_MS}]
    assert front["objectives"] == ["error", "latency_ms"]
    for point in front["points"]:
        assert measured[point["id"]] <= LIMIT_MS
        predicted = point["objectives"]["latency_ms"]
        assert predicted == pytest.approx(measured[point["id"]], rel=0.05)
        assert point["costs"].keys() == {
            "params",
            "encoder_params",
            "flops",
            "memory_bytes",
        }
    for baseline in front["baselines"].values():
        assert baseline["id"] in measured


@pytest.mark.slow
def test_a_finalist_that_is_too_slow_is_dropped(searched):
    best = read(searched / "run", "front.json")["points"][0]["id"]
    # The end of the same search again, for which the best network was slow.
    shutil.copytree(searched / "run", searched / "slow")
    (searched / "slow" / "front.json").unlink()
    shutil.rmtree(searched / "slow" / "model")
    with (searched / "slow" / "measured.json").open("r+") as file:
        measured = json.load(file)
        measured["latency_ms"][best] = LIMIT_MS + 0.001
        file.seek(0)
        json.dump(measured, file)
        file.truncate()
    search(searched, "slow", Clock())
    found = read(searched / "slow", "measured.json")["latency_ms"]
    names = [point["id"] for point in read(searched / "slow", "front.json")["points"]]
    assert best not in names and len(names) > 0
    assert all(found[name] <= LIMIT_MS for name in names)


@pytest.mark.slow
def test_given_what_was_measured_a_search_is_deterministic(searched):
    (searched / "again").mkdir()
    for name in ("measured.json", "config.yaml"):
        shutil.copy(searched / "run" / name, searched / "again" / name)
    clock = Clock()
    search(searched, "again", clock)
    assert clock.num_timed == 0
    first, again = (
        (searched / name / "front.json").read_bytes() for name in ("run", "again")
    )
    assert first == again


@pytest.mark.slow
def test_the_model_card_tells_what_was_measured(searched, tmp_path, capsys):
    front = read(searched / "run", "front.json")
    measured = read(searched / "run", "measured.json")["latency_ms"]
    full = measured[front["baselines"]["full"]["id"]]
    out = tmp_path / "model"
    arguments = ["export", str(searched / "run"), "--pick", "smallest"]
    assert run([*arguments, "--out", str(out)]) == 0
    chosen = read(out, "architecture.json")["id"]
    for folder, name in ((out, chosen), (searched / "run" / "model", None)):
        name = name or front["points"][0]["id"]
        text = (folder / "README.md").read_text()
        line = f"| {measured[name]:,.3f} | {full:,.3f} |"
        assert "| milliseconds of 1 x 16 tokens on cpu, measured " + line in text


@pytest.mark.slow
@pytest.mark.slow
def test_finalists_stand_at_measured_shares_of_the_latency(tmp_path):
    shares = dataclasses.replace(
        CONFIG,
        constraints=ConstraintsConfig(),
        search=dataclasses.replace(CONFIG.search, finalists=3),
        finalists=FinalistsConfig(
            steps=2, budgets=(0.75, 0.5), budget_cost="latency_ms"
        ),
    )
    (tmp_path / "config.yaml").write_text(dump_config(shares))
    search(tmp_path, "run", Clock())
    found = read(tmp_path / "run", "front.json")["finalists"]
    measured = read(tmp_path / "run", "measured.json")["latency_ms"]
    space = prepare(shares).space
    full = measured[space.identifier(np.asarray(space.num_choices, np.int32) - 1)]
    assert found["budget_cost"] == "latency_ms"
    held = [(one, p) for one in found["networks"] for p in one["places"]]
    held = [(one, float(Fraction(p))) for one, p in held if p[0].isdigit()]
    assert {one["kind"] for one, _ in held} >= {"found", "uniform", "bottom"}
    for one, share in held:
        assert measured[one["id"]] <= share * full * 1.001


def test_describe_shows_latency_only_where_it_was_measured(searched, capsys):
    config = str(searched / "config.yaml")
    assert run(["describe", config]) == 0
    assert "latency_ms (not measured yet)" in capsys.readouterr().out
    assert run(["describe", config, "--run-dir", str(searched / "run")]) == 0
    printed = capsys.readouterr().out
    assert "not measured yet" not in printed
    experiment = restore_latency(
        prepare(CONFIG), read(searched / "run", "measured.json")
    )
    assert f"{experiment.costs.smallest()['latency_ms']:.3f}" in printed


def test_no_card_tells_of_what_was_not_measured(experiment):
    assert measured_latency(experiment, {"seconds": 3.0}) is None
    assert restore_latency(experiment, {}) is experiment
