"""Which charts a report has, by name and in order; page and pictures draw the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from xlnas_jax.report.charts.architecture import architecture_chart
from xlnas_jax.report.charts.endings import comparison_chart, finalist_chart, seed_chart
from xlnas_jax.report.charts.front import front_chart, weights_of
from xlnas_jax.report.charts.languages import language_chart
from xlnas_jax.report.charts.latency import latency_chart
from xlnas_jax.report.charts.rounds import candidate_chart, curve_chart
from xlnas_jax.report.networks import FRONT, TARGETS, Row
from xlnas_jax.report.rounds import VOLUME, series_of

Content = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A chart, and what may be chosen in it.

    Attributes:
        name: of its file; made of numbers and words of ours.
        section: where it stands on the page.
        run: of which run it is; "" where it is of all.
        chart: Vega-Lite, its colours named as in `theme`, its data by name.
        menus: values of its signals that a reader may choose.
        is_wide: it keeps its own width, in a box that scrolls.
        is_pictured: whether it is written as a picture too.
    """

    name: str
    section: str
    title: str
    chart: dict[str, Any]
    run: str = ""
    menus: dict[str, list[str]] = field(default_factory=dict)
    is_wide: bool = False
    is_pictured: bool = True

    @property
    def data(self) -> set[str]:
        """Names of the rows that it draws."""
        return set(_data_of(self.chart))


def make_figures(content: Content) -> list[Figure]:
    """Every chart that there is something to draw in."""
    return [
        *_fronts(content),
        *_picks(content),
        *_languages(content),
        *_seeds(content),
        *_rounds(content),
        *_endings(content),
    ]


def _fronts(content: Content) -> Iterator[Figure]:
    networks, axes = content["data"]["networks"], content["axes"]
    if not networks:
        return
    weights = weights_of(networks)
    menus = {"x_axis": axes, "y_axis": axes}
    if len(weights) > 1:
        menus["weights"] = weights
    first = axes[1] if len(axes) > 1 else axes[0], axes[0]
    scores = TARGETS if TARGETS in axes else axes[0]
    size = "encoder_params" if "encoder_params" in axes else axes[-1]
    title = "Networks, by what was searched for"
    chart = front_chart(networks, first, weights[0])
    yield Figure("front", "front", title, chart, menus=menus)
    if (size, scores) != first:
        chart = front_chart(networks, (size, scores), weights[0])
        title = "The same networks, by two others"
        yield Figure("front-by-others", "front", title, chart, menus=menus)
    drawn = [row for row in networks if row["kept"]]
    if drawn:
        shown = next((row for row in drawn if row["kind"] == FRONT), drawn[0])
        chart, title = architecture_chart(shown), "The network pointed at"
        yield Figure("network", "network", title, chart, is_pictured=False)


def _picks(content: Content) -> Iterator[Figure]:
    for row in content["data"]["networks"]:
        if row["picks"]:
            name = f"pick-{row['picks'][0]}{_number(content, row['run'])}"
            title = f"{', '.join(row['picks'])}: {row['id']}"
            chart = architecture_chart(row)
            yield Figure(name, "picks", title, chart, run=row["run"])


def _languages(content: Content) -> Iterator[Figure]:
    scores: list[Row] = content["data"]["scores"]
    tasks = dict.fromkeys(row["task"] for row in scores)
    for place, task in enumerate(tasks, 1):
        metric = next(row["metric"] for row in scores if row["task"] == task)
        chart = language_chart(scores, task)
        several = f"-task{place}" if len(tasks) > 1 else ""
        title = f"Test {metric}, %" + (f": {task}" if several else "")
        yield Figure(f"languages{several}", "languages", title, chart, is_wide=True)


def _seeds(content: Content) -> Iterator[Figure]:
    rows: list[Row] = content["data"]["seeds"]
    if rows:
        values = list(dict.fromkeys(row["of"] for row in rows))
        first = TARGETS if TARGETS in values else values[0]
        chart = seed_chart(rows, first)
        title = "Means of seeds, one deviation to either side"
        yield Figure("seeds", "seeds", title, chart, menus={"of": values})


def _rounds(content: Content) -> Iterator[Figure]:
    data = content["data"]
    every, runs = series_of(data["curves"]), len(content["runs"])
    best = [name for name in every if name.startswith(("best_", "population_"))]
    first = ["loss", VOLUME, *best]
    for series in (name for name in first if name in every):
        title, chart = _told(series), curve_chart(series, runs)
        name = re.sub(r"\W+", "-", series, flags=re.ASCII)
        yield Figure(f"curve-{name}", "rounds", title, chart)
    if data["candidates"]:
        title = "What became of candidates"
        chart = candidate_chart(runs)
        yield Figure("candidates", "rounds", title, chart, is_wide=runs > 1)
    others = [name for name in every if name not in first]
    if others:
        chart, title = curve_chart(others[0], runs), "Whatever else was logged"
        menus = {"series": others}
        yield Figure("logged", "rounds", title, chart, menus=menus, is_pictured=False)


def _endings(content: Content) -> Iterator[Figure]:
    data = content["data"]
    for run in content["runs"]:
        label = run["label"]
        number = _number(content, label)
        if any(row["run"] == label for row in data["finalists"]):
            title = "Finalists before training alone (ring) and after (point)"
            chart = finalist_chart(data["finalists"], label)
            yield Figure(f"finalists{number}", "finalists", title, chart, label)
        if any(row["run"] == label for row in data["comparisons"]):
            title = "Differences of target means, 95 % intervals over test items"
            chart = comparison_chart(data["comparisons"], label)
            yield Figure(f"differences{number}", "finalists", title, chart, label)
        if any(row["run"] == label for row in data["latency"]):
            title = "Latency as the table predicts it, and as it was measured"
            chart = latency_chart(data["latency"], label)
            yield Figure(f"latency{number}", "latency", title, chart, label)


def _told(series: str) -> str:
    named = {"loss": "Training loss", VOLUME: "Hypervolume, of the reference box"}
    kind, _, what = series.partition("_")
    whose = {"best": "Best so far", "population": "Mean of candidates"}
    return named.get(series) or f"{whose[kind]}: {what}"


def _number(content: Content, label: str) -> str:
    """Which run it is, where there are several."""
    labels = [run["label"] for run in content["runs"]]
    return f"-run{labels.index(label) + 1}" if len(labels) > 1 else ""


def _data_of(chart: Any) -> Iterator[str]:
    if isinstance(chart, dict):
        data = chart.get("data")
        if isinstance(data, dict) and "name" in data:
            yield data["name"]
        for value in chart.values():
            yield from _data_of(value)
    elif isinstance(chart, list):
        for value in chart:
            yield from _data_of(value)
