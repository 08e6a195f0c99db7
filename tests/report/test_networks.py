"""Every network of `front.json` is drawn, as it is there."""

import dataclasses
import json

import pytest

from tests.report.material import FFN, HEADS, LAYERS, make_run
from xlnas_jax.export.point import pick_point
from xlnas_jax.report.found import read_found
from xlnas_jax.report.networks import axes_of, limit_rows, network_rows


def points_of(front):
    networks = front["finalists"]["networks"]
    return [*front["baselines"].values(), *front["points"], *networks]


def test_networks_and_their_numbers_are_those_of_the_front(one):
    rows, points = network_rows(one), points_of(one.front)
    assert [row["id"] for row in rows] == [point["id"] for point in points]
    assert len({row["key"] for row in rows}) == len(rows)
    for row, point in zip(rows, points, strict=True):
        wanted = {**point["costs"], **point["objectives"]}
        if "summary" in point:
            worst = point["summary"]["tasks"]["task"]["worst_language"]["score"]
            wanted["target mean"] = pytest.approx(100 * point["summary"]["target_mean"])
            wanted["worst target"] = pytest.approx(100 * worst)
        assert row["values"] == wanted
        assert row["errors"] == ({"target mean": 1.25} if "summary" in point else {})


def test_runs_from_before_there_were_errors_have_none(one):
    front = json.loads(json.dumps(one.front))
    for point in points_of(front):
        point.get("summary", {}).pop("target_error", None)
    rows = network_rows(dataclasses.replace(one, front=front))
    assert rows and all(row["errors"] == {} for row in rows)


def test_of_a_run_that_goes_on_the_front_is_that_of_its_last_round(folder):
    (going,) = read_found([folder / "going"])
    rows, logged = network_rows(going), going.rounds[-1]["front"]
    assert [list(row["values"].values()) for row in rows] == logged
    names = list(going.config.search.objectives)
    assert all(list(row["values"]) == names == axes_of(going) for row in rows)
    assert all(row["kept"] == row["knobs"] == row["picks"] == [] for row in rows)
    limits = {row["of"]: row["limit"] for row in limit_rows(going)}
    assert limits == {"encoder_params": 14e6}


def test_before_the_first_round_there_is_no_front(tmp_path):
    (begun,) = read_found([make_run(tmp_path / "run", rounds=2)])
    assert network_rows(begun) == axes_of(begun) == []


def test_layers_and_their_choices_are_those_of_the_front(one):
    for row, point in zip(network_rows(one), points_of(one.front), strict=True):
        architecture = point["architecture"]
        assert row["kept"] == architecture["keep"]
        knobs = {knob["name"]: knob for knob in row["knobs"]}
        assert {name: knob["values"] for name, knob in knobs.items()} == {
            "heads": architecture["heads"],
            "ffn": architecture["ffn"],
        }
        assert knobs["heads"]["most"] == HEADS[-1]
        assert knobs["ffn"]["most"] == FFN[-1]
        assert row["whole"] == [["pooling", "mean"]]


def test_a_knob_is_drawn_that_nobody_has_heard_of(one):
    front = {**one.front, "points": [dict(one.front["points"][0])]}
    own = {"gate": [1, 0, 1], "width": [0.5, 0.0, 1.0], "order": ["a", "b", "a"]}
    front["points"][0]["architecture"] = {**own, "flavour": ["x"]}
    (row,) = [
        row
        for row in network_rows(dataclasses.replace(one, front=front))
        if row["id"] == front["points"][0]["id"] and row["weights"] == "in the supernet"
    ]
    assert row["kept"] == [1, 0, 1]
    assert row["knobs"] == [{"name": "width", "values": [0.5, 0.0, 1.0], "most": 1.0}]
    assert row["whole"] == [["order", "a, b, a"], ["flavour", "x"]]
    assert row["told"] == "layers 1, 3 of 3; width 0.5 1.0; order a, b, a; flavour x"


def test_picks_are_what_export_takes_by_that_name(one):
    rows = network_rows(one)
    for pick in ("best", "knee", "smallest"):
        (row,) = [row for row in rows if pick in row["picks"]]
        assert row["id"] == pick_point(one.front, pick)["id"]
        # The point of the front that was trained so is called so, too.
        called = {row["id"] for row in rows if pick in row["called"].split(", ")}
        assert called == {row["id"]}


def test_picks_without_finalists_are_points_of_the_front(one):
    front = {name: value for name, value in one.front.items() if name != "finalists"}
    rows = network_rows(dataclasses.replace(one, front=front))
    best = next(row for row in rows if "best" in row["picks"])
    assert best["id"] == front["points"][0]["id"]


def test_axes_are_objectives_then_costs_then_test_scores(one):
    assert axes_of(one) == [
        "error",
        "flops",
        "params",
        "encoder_params",
        "memory_bytes",
        "target mean",
        "worst target",
    ]


def test_measured_latency_is_an_axis_where_there_is_any(one):
    name = one.front["points"][0]["id"]
    timed = dataclasses.replace(one, measured={"latency_ms": {name: 3.5}})
    assert "latency_ms measured" in axes_of(timed)
    (found, *_) = [row for row in network_rows(timed) if row["id"] == name]
    assert found["values"]["latency_ms measured"] == 3.5


def test_limits_are_those_of_the_front(one):
    assert limit_rows(one) == [{"run": "one", "of": "encoder_params", "limit": 14e6}]


def test_the_full_network_has_all_layers(one):
    (full,) = [row for row in network_rows(one) if row["kind"] == "full network"]
    assert full["kept"] == [1] * LAYERS
    assert full["told"].startswith(f"layers 1–{LAYERS} of {LAYERS}; heads 12 12 ")
