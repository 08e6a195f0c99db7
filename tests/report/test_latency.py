"""Predictions beside what was measured, of networks that are drawn again."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.models import SHAPE
from tests.report.material import make_run
from xlnas_jax.calibration.latency.fit import fit_table, judge_table
from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.calibration.latency.record import table_record
from xlnas_jax.files import write_json
from xlnas_jax.report.found import read_found
from xlnas_jax.report.latency import latency_facts, latency_rows
from xlnas_jax.supernet.chain import make_space

NUM = 12


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A run with the record of a clock, the space, and the table fitted to it."""
    config = tiny_config()
    cost = dataclasses.replace(config.cost, latency_networks=NUM)
    space = dataclasses.replace(config.space, heads=(1, 2, 4))
    config = dataclasses.replace(config, cost=cost, space=space)
    space = make_space(config.space, SHAPE)
    rows = draw_networks(space, NUM, config.seed)
    taken = 1.0 + 0.5 * space.num_kept(rows) + 0.01 * np.arange(NUM)
    half = NUM // 2
    table = fit_table(space, rows[:half], taken[:half])
    judged = judge_table(space, table, rows[half:], taken[half:])
    names = [space.identifier(row) for row in rows]
    own = dict(zip(names, taken.tolist(), strict=True))
    record = {
        "device": "a clock",
        "batch_size": 1,
        "length": 16,
        **judged._asdict(),
        "is_trusted": judged.is_trusted,
        "table": table_record(space, table),
        "networks": [
            {"id": name, "latency_ms": own[name], "is_held_out": n >= half}
            for n, name in enumerate(names)
        ],
    }
    path = tmp_path_factory.mktemp("timed") / "run"
    measured = {"latency": record, "latency_ms": own}
    run = make_run(path, config=config, measured=measured)
    (run / "experiment").mkdir()
    facts = {"shape": SHAPE.as_dict(), "tasks": {}}
    write_json(run / "experiment" / "experiment.json", facts)
    return read_found([run])[0], space, table


def test_every_network_that_was_timed_has_its_prediction(timed):
    run, space, table = timed
    rows = latency_rows(run)
    own = run.measured["latency_ms"]
    assert {row["id"]: row["measured_ms"] for row in rows} == own
    largest = np.asarray(space.flatten(space.largest()))
    (full,) = [row for row in rows if row["id"] == space.identifier(largest)]
    wanted = table(space, largest[None])[0] / 1e6
    assert full["predicted_ms"] == pytest.approx(wanted, abs=1e-6)
    parts = [row["part"] for row in rows]
    assert parts.count("judged by") == NUM // 2


def test_what_the_table_is_worth_is_told(timed):
    run, _, _ = timed
    record, facts = run.measured["latency"], dict(latency_facts(run))
    assert facts["device"] == record["device"]
    assert facts["mean error of held-out networks"] == f"{100 * record['mape']:.1f} %"


def test_a_run_that_timed_nothing_has_none(one):
    assert latency_rows(one) == []
    assert latency_facts(one) == []
