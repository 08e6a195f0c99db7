"""The page: text that needs no script, a place for every chart, and the rows to draw.

Everything is in the one file, and it asks for nothing else: a policy in its head has
browsers refuse to. Names of runs, languages and labels are text wherever they stand.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from xlnas_jax.report.figures import Content, Figure
from xlnas_jax.report.networks import SHARED, TARGETS, Row
from xlnas_jax.report.theme import CONFIG, DARK, LIGHT, UNPAINTED, Palette
from xlnas_jax.results.tables import BASELINES

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "script-src 'unsafe-inline' 'unsafe-eval'"
)
# Sections in their order, with what is said below their headings.
SECTIONS = {
    "front": (
        "Front",
        "Point at a network, or touch it, and it is marked in every view and drawn "
        "layer by layer. Broken lines are hard limits, bars on test scores their 95 % "
        "intervals over test items. Objectives and costs are better where they are "
        "less.",
    ),
    "picks": (
        "Picks",
        "What xlnas export takes by name. A bar is the share of the largest choice.",
    ),
    "languages": (
        "Languages",
        "Official test scores. Targets were looked at once, when all was chosen.",
    ),
    "seeds": (
        "Seeds",
        "Runs of one configuration, which differ in their seed alone.",
    ),
    "rounds": ("Rounds", "What the search logged of every round."),
    "finalists": ("The end", "What was compared once the rounds were over."),
    "latency": ("Latency", "Networks that were timed, beside what was predicted."),
}


def make_page(content: Content, figures: Sequence[Figure], library: str) -> str:
    """The whole file.

    Args:
        library: a script that draws Vega-Lite.
    """
    labels = [run["label"] for run in content["runs"]]
    title = ", ".join(labels)
    own = files("xlnas_jax.report")
    style, script = (
        own.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js")
    )
    body = [
        _head(content, title),
        '<main><nav aria-label="Sections">' + _links(figures) + "</nav>",
        _searched(content),
    ]
    for name, (heading, text) in SECTIONS.items():
        body.append(_section(name, heading, text, figures, content))
    body += [_made(content), "</main>"]
    drawn = {
        "data": content["data"],
        "charts": {one.name: one.chart for one in figures},
        "uses": {one.name: sorted(one.data) for one in figures},
        "config": CONFIG,
        "palettes": {"light": LIGHT, "dark": DARK},
        "unpainted": UNPAINTED,
    }
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} · xlnas report</title>\n"
        f"<style>\n{_variables()}\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + f'\n<script type="application/json" id="drawn">{_json(drawn)}</script>\n'
        f"<script>{library}</script>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _json(value: Any) -> str:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _variables() -> str:
    def own(palette: Palette) -> str:
        return "".join(f"--{name}:{value};" for name, value in palette.items())

    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {own(DARK)} }} }}"
    paper = f"@media print {{ :root {{ {own(LIGHT)} }} }}"
    return f":root {{ {own(LIGHT)} }}\n{dark}\n{paper}"


def _head(content: Content, title: str) -> str:
    runs = content["runs"]
    going = [run for run in runs if not run["is_finished"]]
    several = len(runs) > 1
    banner = "".join(
        f'<p class="banner">{escape(run["label"] + ": " if several else "")}'
        f"{escape(run['state'])}. What there is so far is shown.</p>"
        for run in going
    )
    tiles = "" if several else _tiles(content)
    return (
        '<header><p class="eyebrow">Search report</p>'
        f"<h1>{escape(title)}</h1>{banner}{tiles}</header>"
    )


def _tiles(content: Content) -> str:
    """The few numbers that a reader looks for first."""
    (run,) = content["runs"]
    facts = dict(run["searched"])
    names = ("scored", "rejected unscored", "on the front")
    tiles = [(name, facts[name]) for name in names if name in facts]
    networks: list[Row] = content["data"]["networks"]
    full = BASELINES["full"]
    for row in networks:
        is_full = row["weights"] == SHARED and row["name"] == full
        score = row["values"].get(TARGETS)
        if score is not None and (is_full or "best" in row["picks"]):
            told = full if is_full else "best pick"
            tiles.append((f"target mean, {told}", f"{score:.1f} %"))
    return '<dl class="tiles">' + _pairs(tiles) + "</dl>"


def _pairs(rows: Iterable[Sequence[str]]) -> str:
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in rows
    )


def _links(figures: Sequence[Figure]) -> str:
    there = {one.section for one in figures}
    names = [("searched", "Searched")]
    names += [(name, told) for name, (told, _) in SECTIONS.items() if name in there]
    names.append(("made", "Made by"))
    return "".join(f'<a href="#{name}">{told}</a>' for name, told in names)


def _searched(content: Content) -> str:
    """Facts of each run, side by side where there are several."""
    runs = content["runs"]
    body = _facts_table(runs, "searched") if len(runs) > 1 else ""
    if not body:
        body = '<dl class="facts">' + _pairs(runs[0]["searched"]) + "</dl>"
    seen: dict[str, None] = {}
    for run in runs:
        seen[_language_lists(run["languages"])] = None
        for note in run["notes"]:
            seen[f'<p class="note">{escape(note)}</p>'] = None
    differences = "".join(
        f"<p class='note'>{escape(one['runs'])} differs: "
        + "; ".join(
            f"<code>{escape(name)}</code> {escape(new)} instead of {escape(old)}"
            for name, old, new in one["options"]
        )
        + "</p>"
        for one in content["differences"]
    )
    return (
        f'<section id="searched"><h2>Searched</h2>{body}{differences}'
        + "".join(seen)
        + "</section>"
    )


def _facts_table(runs: Sequence[dict[str, Any]], key: str) -> str:
    """A row for each fact, a column for each run."""
    known = [dict(run[key]) for run in runs]
    names = dict.fromkeys(name for one in known for name in one)
    head = "".join(f"<th scope='col'>{escape(run['label'])}</th>" for run in runs)
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>"
        + "".join(f"<td>{escape(one.get(name, '–'))}</td>" for one in known)
        + "</tr>"
        for name in names
    )
    return f'<div class="scroll"><table><tr><td></td>{head}</tr>{rows}</table></div>'


def _language_lists(tasks: Sequence[dict[str, Any]]) -> str:
    found = []
    for task in tasks:
        where = f"<h3>{escape(task['task'])}</h3>" if len(tasks) > 1 else ""
        roles = "".join(
            f'<div class="role" data-role="{escape(role)}"><dt>{escape(role)}'
            f" <b>{len(names)}</b></dt><dd>{escape(', '.join(names))}</dd></div>"
            for role, names in task["roles"].items()
        )
        found.append(f'{where}<dl class="roles">{roles}</dl>')
    return "".join(found)


def _section(
    name: str, heading: str, text: str, figures: Sequence[Figure], content: Content
) -> str:
    """One section with its figures; nothing where there are none."""
    own = [one for one in figures if one.section == name]
    if not own:
        return ""
    several = len(content["runs"]) > 1
    drawn = "".join(_figure(one, several) for one in own)
    after = ""
    if name == "front":
        drawn += _pointed_at(figures)
        after = _network_table(content)
    if name == "latency":
        after = "".join(
            f'<dl class="facts">{_pairs(run["latency"])}</dl>'
            for run in content["runs"]
            if run["latency"]
        )
    return (
        f'<section id="{name}"><h2>{heading}</h2><p class="lead">{text}</p>'
        f'<div class="figures {name}">{drawn}</div>{after}</section>'
    )


def _figure(figure: Figure, several: bool) -> str:
    menus = "".join(
        f'<label>{_MENUS[signal]} <select data-signal="{signal}">'
        + "".join(_option(value, figure, signal) for value in values)
        + "</select></label>"
        for signal, values in figure.menus.items()
    )
    run = f"{escape(figure.run)} · " if several and figure.run else ""
    wide = " wide" if figure.is_wide else ""
    return (
        f'<figure class="card{wide}" data-figure="{figure.name}">'
        f"<figcaption>{run}{escape(figure.title)}</figcaption>"
        + (f'<div class="menus">{menus}</div>' if menus else "")
        + '<div class="scroll"><div class="chart"></div></div></figure>'
    )


_MENUS = {
    "x_axis": "across",
    "y_axis": "up",
    "weights": "weights",
    "series": "what",
    "of": "what",
}


def _option(value: str, figure: Figure, signal: str) -> str:
    given = {one["name"]: one["value"] for one in figure.chart["params"]}
    chosen = " selected" if given[signal] == value else ""
    return f'<option value="{escape(value)}"{chosen}>{escape(value)}</option>'


def _pointed_at(figures: Sequence[Figure]) -> str:
    """The card of the network that is pointed at, which the script fills.

    None where all that is known of networks is what they score.
    """
    own = next((one for one in figures if one.section == "network"), None)
    if own is None:
        return ""
    return (
        f'<aside class="card" data-figure="{own.name}" aria-live="polite">'
        f'<h3 id="pointed-name">{escape(own.title)}</h3><p id="pointed-told"></p>'
        '<div class="scroll"><div class="chart"></div></div>'
        '<dl class="facts" id="pointed-values"></dl></aside>'
    )


def _network_table(content: Content) -> str:
    """Every network in numbers, for those who read rather than look."""
    axes = content["axes"]
    several = len(content["runs"]) > 1
    head = "".join(f"<th scope='col'>{escape(axis)}</th>" for axis in axes)
    rows = "".join(
        f'<tr data-key="{escape(row["key"])}"><th scope="row">'
        + (f"{escape(row['run'])} · " if several else "")
        + f"{escape(row['name'])}</th><td>{escape(row['id'])}</td>"
        f"<td>{escape(row['kind'])}, {escape(row['weights'])}</td>"
        + "".join(f'<td class="number">{told(row["values"].get(a))}</td>' for a in axes)
        + f"<td class='told'>{escape(row['told'])}</td></tr>"
        for row in content["data"]["networks"]
    )
    return (
        f"<details><summary>All {len(content['data']['networks'])} networks in numbers"
        '</summary><div class="scroll tall"><table><thead><tr><th scope="col">network'
        f"</th><th>id</th><th>what it is</th>{head}<th>layers</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def told(value: int | float | None) -> str:
    """A number as tables show it."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _made(content: Content) -> str:
    """Commands, versions, times and configurations."""
    several = len(content["runs"]) > 1
    parts = []
    for run in content["runs"]:
        commands = "\n".join(run["commands"])
        parts.append(
            (f"<h3>{escape(run['label'])}</h3>" if several else "")
            + f"<pre>{escape(commands)}</pre>"
            f'<dl class="facts">{_pairs([*run["versions"], *run["times"]])}</dl>'
            "<details><summary>Configuration with all defaults</summary>"
            f"<pre>{escape(run['config'])}</pre></details>"
        )
    return (
        '<section id="made"><h2>Made by</h2><p class="lead">The same command goes on '
        "with a run that was stopped, and ends with the same numbers.</p>"
        + "".join(parts)
        + "</section>"
    )
