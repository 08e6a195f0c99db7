"""Scores of languages are those of `front.json`, with what a language is."""

import dataclasses

import pytest

from tests.report.material import AUXILIARY, SOURCE, TARGETS, TRAINED
from xlnas_jax.languages.distance.uriel import is_installed
from xlnas_jax.report.content import make_content
from xlnas_jax.report.found import read_found
from xlnas_jax.report.languages import MAX_NETWORKS, described, score_rows
from xlnas_jax.report.networks import network_rows

needs_families = pytest.mark.skipif(not is_installed(), reason="urielplus is missing")


@pytest.fixture(scope="module")
def rows(one):
    return score_rows(one)


def test_scores_are_those_of_the_front_in_percent(one, rows):
    networks = [*one.front["baselines"].values(), *one.front["points"]]
    networks += one.front["finalists"]["networks"]
    keys = [row["key"] for row in network_rows(one)]
    tested = dict(zip(keys, networks, strict=True))
    drawn = [row for row in rows if row["key"]]
    assert len(drawn) == len({row["key"] for row in drawn}) * 40
    for row in drawn:
        score = tested[row["key"]]["languages"][row["column"]]["accuracy"]
        assert row["score"] == pytest.approx(100 * score, abs=0.0051)


def test_every_language_has_its_role_once_and_in_order(rows):
    first = [row for row in rows if row["order"] == 0]
    assert [row["column"] for row in first] == [SOURCE, TRAINED, *AUXILIARY, *TARGETS]
    roles = dict.fromkeys(row["role"] for row in first)
    assert list(roles) == ["source", "trained on", "auxiliary", "target"]
    assert {row["score"] for row in first} == {25.0}  # of the trivial baseline


@needs_families
@pytest.mark.parametrize(
    ("column", "language", "script", "family"),
    [
        ("sw", "Swahili (sw)", "Latn", "Atlantic-Congo"),
        ("topics/hi", "Hindi (hi)", "Deva", "Indo-European"),
        ("eu", "Basque (eu)", "Latn", "–"),  # has no relatives
        ("x-near", "x-near", "–", "–"),
        ("<b>", "<b>", "–", "–"),
    ],
)
def test_a_language_is_told_by_name_script_and_family(column, language, script, family):
    found = described(column)
    assert found == {"language": language, "script": script, "family": family}


def test_of_many_networks_picks_and_baselines_are_always_there(one):
    front = {name: value for name, value in one.front.items() if name != "finalists"}
    tested = [dict(point) for point in front["points"] if point["languages"]]
    front["points"] = tested * 3
    run = dataclasses.replace(one, front=front)
    shown = {row["key"] for row in score_rows(run)} - {""}
    assert len(shown) <= MAX_NETWORKS
    networks = network_rows(run)
    wanted = {row["key"] for row in networks if row["picks"]}
    wanted |= {row["key"] for row in networks if row["kind"] != "front"}
    assert wanted <= shown


def test_a_score_that_is_none_stays_none(one):
    front = {name: value for name, value in one.front.items() if name != "finalists"}
    full = dict(front["baselines"]["full"])
    full["languages"] = {**full["languages"], "de": {"accuracy": None}}
    front["baselines"] = {**front["baselines"], "full": full}
    rows = score_rows(dataclasses.replace(one, front=front))
    (found,) = [r for r in rows if r["column"] == "de" and r["network"][:4] == "full"]
    assert found["score"] is None


def test_networks_of_several_runs_stand_side_by_side(folder):
    runs = read_found([folder / "s0", folder / "s1"])
    rows = make_content(runs)["data"]["scores"]
    columns = {row["order"]: row["network"] for row in rows}
    assert list(columns) == list(range(len(columns)))
    assert columns[0] == "trivial: majority class"
    labels = [name.split(":")[0] for name in list(columns.values())[1:]]
    assert labels == ["s0"] * 3 + ["s1"] * 3
