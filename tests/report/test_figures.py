"""Every chart draws rows that there are, in colours that there are."""

import json
import re

import pytest

from xlnas_jax.report.figures import make_figures
from xlnas_jax.report.pictures import svg_of
from xlnas_jax.report.theme import DARK, LIGHT, painted


@pytest.fixture(scope="module")
def figures(content):
    return {one.name: one for one in make_figures(content)}


def marks_of(svg: str, kind: str) -> int:
    """Marks of a kind that are not empty paths, of axes and legends aside."""
    return len(re.findall(rf'aria-roledescription="{kind}"', svg))


def lines_of(svg: str) -> int:
    """Rules that are drawn, of axes aside."""
    return len(re.findall(r'aria-roledescription="rule mark"', svg))


def test_every_kind_of_chart_is_there(figures):
    assert set(figures) == {
        "front",
        "front-by-others",
        "network",
        "pick-best",
        "pick-smallest",
        "languages",
        "curve-loss",
        "curve-hypervolume",
        "curve-population_error",
        "curve-best_error",
        "candidates",
        "logged",
        "finalists",
        "differences",
    } | ({"pick-knee"} & set(figures))


def test_colours_are_named_in_both_palettes(figures):
    assert LIGHT.keys() == DARK.keys()
    for figure in figures.values():
        for palette in (LIGHT, DARK):
            assert '"@' not in json.dumps(painted(figure.chart, palette))


def test_names_of_runs_are_never_colours():
    chart = {"scale": {"domain": ["@blue"], "range": ["@blue"]}}
    found = painted(chart, LIGHT)["scale"]
    assert found == {"domain": ["@blue"], "range": [LIGHT["blue"]]}


def test_menus_offer_all_that_networks_may_be_compared_by(figures, content):
    menus = figures["front"].menus
    assert menus["x_axis"] == menus["y_axis"] == content["axes"]
    assert menus["weights"] == ["in the supernet", "trained alone"]


def test_the_front_has_a_mark_for_every_network_and_its_limit(figures, content):
    shown = [
        r for r in content["data"]["networks"] if r["weights"] == "in the supernet"
    ]
    svg = svg_of(figures["front"], content["data"])
    assert marks_of(svg, "point") == len(shown)
    other = svg_of(figures["front-by-others"], content["data"])
    tested = [row for row in shown if "target mean" in row["values"]]
    assert marks_of(other, "point") == len(tested)
    assert sum("target mean" in row["errors"] for row in shown) == len(tested)
    # Beside the line of the limit; of costs and objectives no errors are known.
    assert lines_of(other) == len(tested) + 1
    assert lines_of(svg) == 0
    assert ">limit<" in other
    assert ">limit<" not in svg


def test_the_heat_map_names_every_language_with_script_and_family(figures, content):
    svg = svg_of(figures["languages"], content["data"])
    scores = content["data"]["scores"]
    for field in ("language", "script", "family"):
        for value in {row[field] for row in scores}:
            assert f">{value}<" in svg, value
    assert svg.count(">25.0<") >= 40


def test_a_pick_shows_layers_that_are_absent(figures, content):
    svg = svg_of(figures["pick-best"], content["data"])
    (best,) = [row for row in content["data"]["networks"] if "best" in row["picks"]]
    absent = best["kept"].count(0)
    assert absent > 0
    assert svg.count(">absent<") == absent * len(best["knobs"])
    assert ">heads<" in svg
    assert ">ffn<" in svg
