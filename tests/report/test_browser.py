"""The page as a reader meets it: drawn, linked, quick, and never too wide."""

import dataclasses

import pytest

from tests.report.browser import ask
from tests.report.material import document_of, make_run
from xlnas_jax.report.content import make_content
from xlnas_jax.report.found import read_found
from xlnas_jax.report.write import write_report

pytestmark = pytest.mark.slow
# Two frames of a film would be seen as one; ten times that is still no wait.
MOST_MS = 500
MARKS = """async () => Object.fromEntries(
  [...document.querySelectorAll("[data-figure]")].map((place) => [
    place.dataset.figure,
    [...place.querySelectorAll("svg .mark-symbol path, svg .mark-rect path, "
      + "svg .mark-line path, svg .mark-text text, svg .mark-rule line")]
      .filter((mark) => !mark.closest(".role-axis, .role-legend")).length,
  ]))"""
# Menus are used as a reader uses them, and every choice is timed until it is drawn.
AXES = """async () => {
  const place = document.querySelector('[data-figure="front"]');
  const points = () => [...place.querySelectorAll(".mark-symbol path")]
    .filter((mark) => !mark.closest(".role-legend"))
    .map((mark) => mark.getAttribute("transform")).join(" ");
  const named = () => [...place.querySelectorAll(".mark-text text")]
    .map((text) => text.textContent);
  const found = [];
  for (const menu of place.querySelectorAll("select")) {
    for (const option of [...menu.options, menu.options[0]]) {
      if (option.value === menu.value) continue;
      const before = points(), begun = performance.now();
      menu.value = option.value;
      menu.dispatchEvent(new Event("change"));
      await xlnas.views.get("front").runAsync();
      await new Promise(requestAnimationFrame);
      found.push({
        signal: menu.dataset.signal, value: option.value,
        ms: performance.now() - begun, moved: points() !== before,
        named: named().includes(option.value),
      });
    }
  }
  return found;
}"""
HOVER = """async () => {
  const place = document.querySelector('[data-figure="front"]');
  const marks = [...place.querySelectorAll(".mark-symbol path")]
    .filter((mark) => !mark.closest(".role-legend") && mark.__data__.datum.key);
  const mark = marks.find((one) => one.__data__.datum.values["target mean"]);
  const key = mark.__data__.datum.key, id = mark.__data__.datum.id;
  mark.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  for (const view of xlnas.views.values()) await view.runAsync();
  const lit = (name) => xlnas.views.get(name).signal("lit");
  const found = {
    key, id, told: document.getElementById("pointed-name").textContent,
    shown: xlnas.views.get("network").signal("shown"),
    lit: ["front", "front-by-others", "languages", "finalists"].map(lit),
    row: document.querySelector("tr.lit").dataset.key,
  };
  mark.dispatchEvent(new PointerEvent("pointerout", { bubbles: true }));
  for (const view of xlnas.views.values()) await view.runAsync();
  found.after = ["front", "languages"].map(lit);
  return found;
}"""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """The page of 200 points over forty languages, and its content."""
    place = tmp_path_factory.mktemp("long")
    run = make_run(place / "run", document=document_of(0, points=200))
    content = make_content(read_found([run]))
    return write_report(content, place)[0], content


@pytest.mark.parametrize("width", [1280, 390])
def test_every_plot_has_marks_and_nothing_is_too_wide(width, long, tmp_path):
    page, _ = long
    found = ask(page, width, MARKS, tmp_path)
    assert found["faults"] == []
    assert found["width"] == width
    assert found["overflow"] == 0
    assert len(found["tried"]) >= 13
    assert all(found["tried"].values()), found["tried"]


def test_any_two_axes_can_be_chosen_and_are_drawn_at_once(long, tmp_path):
    page, content = long
    found = ask(page, 1280, AXES, tmp_path)
    assert found["faults"] == []
    tried = found["tried"]
    for signal in ("x_axis", "y_axis"):
        chosen = {one["value"] for one in tried if one["signal"] == signal}
        assert chosen == set(content["axes"])
    assert all(one["moved"] for one in tried)
    assert all(one["named"] for one in tried if one["signal"] != "weights")
    assert max(one["ms"] for one in tried) < MOST_MS


def test_what_is_pointed_at_is_marked_everywhere_and_drawn(long, tmp_path):
    page, _ = long
    found = ask(page, 1280, HOVER, tmp_path)
    assert found["faults"] == []
    tried = found["tried"]
    assert tried["lit"] == [tried["key"]] * 4
    assert tried["shown"] == tried["row"] == tried["key"]
    assert tried["id"] in tried["told"]
    assert tried["after"] == ["", ""]


def test_hostile_names_run_nothing_and_stop_nothing(tmp_path):
    hostile = "</script><img src=x onerror=faults.push(1)>'\"]\\ || faults.push(2)"
    document = document_of(0, points=6)
    document["tasks"]["task"]["trivial"]["name"] = hostile
    document["tasks"] = {hostile: document["tasks"]["task"]}
    document["constraints"] = [{"cost": hostile, "limit": 1.0}]
    for one in document["finalists"]["networks"]:
        one["kind"] = one["kind"].replace("bottom", hostile)
    label = "<img src=x onerror=faults.push(3)>'\"] || faults.push(4)"
    path = make_run(tmp_path / label, document=document)
    (run,) = read_found([path])
    run = dataclasses.replace(run, rounds=[{**one, hostile: 1} for one in run.rounds])
    page, *_ = write_report(make_content([run]), tmp_path / "out")
    found = ask(page, 1280, MARKS, tmp_path / "profile")
    assert found["faults"] == []
    assert all(found["tried"].values()), found["tried"]


def test_several_runs_and_unfinished_ones_are_drawn(folder, tmp_path):
    runs = [folder / name for name in ("s0", "s1", "s2", "going")]
    page, *_ = write_report(make_content(read_found(runs)), tmp_path / "out")
    found = ask(page, 390, MARKS, tmp_path / "profile")
    assert (found["faults"], found["overflow"]) == ([], 0)
    assert all(found["tried"].values()), found["tried"]
