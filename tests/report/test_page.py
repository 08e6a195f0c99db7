"""The page: whole, safe, the same every time, and of what is in it."""

import dataclasses
import html
import json
import re

import pytest

from tests.report.material import config_of, document_of, make_run
from xlnas_jax.files import write_json
from xlnas_jax.report.content import make_content
from xlnas_jax.report.figures import make_figures
from xlnas_jax.report.found import read_found
from xlnas_jax.report.page import make_page
from xlnas_jax.report.pictures import library
from xlnas_jax.report.write import MAX_BYTES

LIBRARY = "/* a library */"
HOSTILE = "</script><img src=x onerror=alert(1)>'\"&\u2028@blue"


def page_of(content) -> str:
    return make_page(content, make_figures(content), LIBRARY)


@pytest.fixture(scope="module")
def page(content):
    return page_of(content)


def drawn_in(page) -> dict:
    (text,) = re.findall(r'id="drawn">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_what_is_drawn_is_the_content_and_nothing_else(content, page):
    drawn = drawn_in(page)
    assert drawn["data"] == json.loads(json.dumps(content["data"]))
    assert drawn["charts"].keys() == drawn["uses"].keys()
    for name, uses in drawn["uses"].items():
        assert uses, name
        assert all(drawn["data"][one] for one in uses if one != "limits")
    places = re.findall(r'data-figure="([^"]+)"', page)
    assert sorted(places) == sorted(drawn["charts"])


def test_the_same_run_gives_the_same_bytes(folder, page):
    assert page_of(make_content(read_found([folder / "one"]))) == page


def test_names_of_any_kind_are_text(tmp_path):
    document = document_of(0, points=4)
    document["tasks"]["task"]["labels"] = [HOSTILE]
    document["tasks"]["task"]["trivial"]["name"] = HOSTILE
    document["model_origin"] = HOSTILE
    document["constraints"] = [{"cost": HOSTILE, "limit": 1}]
    for one in document["finalists"]["networks"]:
        one["kind"] = one["kind"].replace("bottom", HOSTILE)
    run = make_run(tmp_path / "<b>@blue '\"&", document=document)
    (found,) = read_found([run])
    given = dataclasses.replace(found, measured={"environment": {HOSTILE: HOSTILE}})
    content = make_content([given])
    page = page_of(content)
    # Three scripts of ours are opened, and three are closed.
    assert len(re.findall("<script", page)) == len(re.findall("</script", page)) == 3
    assert "<img" not in page
    assert "<b>@" not in page
    assert html.escape(HOSTILE) in page
    drawn = drawn_in(page)
    assert drawn["data"] == json.loads(json.dumps(content["data"]))
    assert HOSTILE in {row["kind"] for row in drawn["data"]["networks"]}


def test_the_page_of_a_long_search_is_small_and_asks_for_nothing(tmp_path):
    run = make_run(tmp_path / "run", document=document_of(0, points=100))
    content = make_content(read_found([run]))
    page = make_page(content, make_figures(content), library())
    assert len(page.encode()) < MAX_BYTES / 2.4
    assert re.findall(r"\b(?:src|href)\s*=\s*[\"']?\s*(?:https?:)?//", page) == []
    assert re.findall(r"\bimport\s*\(?\s*[\"'](?:https?:)?//", page) == []
    own = page.replace(library(), "")
    assert re.findall(r"://|@import|url\(|<link|<iframe|<object|<embed", own) == []
    assert "default-src &#x27;none&#x27;" in page
    assert len(re.findall("</script", page)) == 3


def test_an_unfinished_run_is_told_and_shown_as_far_as_it_is(folder):
    content = make_content(read_found([folder / "going"]))
    page = page_of(content)
    assert "not finished: 7 of 30 rounds logged" in page
    assert 'id="rounds"' in page
    # What its networks are is known at the end.
    assert 'id="front"' in page and "pointed-told" not in page.split("<script")[0]
    assert set(drawn_in(page)["charts"]) == {
        "front",
        "curve-loss",
        "curve-hypervolume",
        "curve-population_error",
        "curve-best_error",
        "candidates",
        "logged",
    }


def test_a_run_without_a_round_is_told(tmp_path):
    content = make_content(read_found([make_run(tmp_path / "run", rounds=0)]))
    page = page_of(content)
    assert "not finished: no round was logged yet" in page
    assert drawn_in(page)["charts"] == {}


def test_facts_commands_and_versions_are_told(content, page):
    for told in (
        "classification, accuracy, 4 labels, data cldr",
        "encoder_params ≤ 14,000,000",
        "error, flops",
        "Swahili (sw)",
        "xlnas search",
        "--pick best --out MODEL",
        "0.10",
        "this page: vl-convert-python",
        "whole search",
    ):
        assert told in html.unescape(page), told
    assert html.escape(content["runs"][0]["config"]) in page


def test_several_runs_stand_side_by_side(folder, tmp_path):
    other = make_run(
        tmp_path / "other",
        document=document_of(7, points=4),
        config=config_of(0, population=32),
    )
    runs = [folder / "s0", folder / "s1", folder / "s2", other, folder / "going"]
    content = make_content(read_found(runs))
    page = page_of(content)
    for label in ("s0", "s1", "s2", "other", "going"):
        assert f"<th scope='col'>{label}</th>" in page
    assert "other differs: <code>search.population</code> 32 instead of 16" in page
    assert "going: not finished" in page
    assert 'id="seeds"' in page
    charts = drawn_in(page)["charts"]
    assert {"pick-best-run1", "pick-best-run4", "finalists-run2"} <= set(charts)
    curves = content["data"]["curves"]
    assert {row["runs"] for row in curves} == {"s0 and 3 more seeds", "other"}


def test_roles_are_listed_before_a_search_is_over_too(folder, tmp_path):
    run = make_run(tmp_path / "run", rounds=3)
    (run / "experiment").mkdir()
    task = {"kind": "classification", "labels": ["a", "b"]}
    facts = {"shape": {"num_layers": 12, "width": 384}, "tasks": {"task": task}}
    write_json(run / "experiment" / "experiment.json", facts)
    page = page_of(make_content(read_found([run])))
    assert "Hausa (ha)" in page
    assert "classification, 2 labels, data cldr" in page
    assert "scratch, from nothing (12 layers x 384 wide)" in page
