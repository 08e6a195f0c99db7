"""What was searched, within what, and by which commands and versions."""

import shlex
from typing import Any

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.languages.codes import named
from xlnas_jax.report.found import Found, resolved
from xlnas_jax.report.rounds import first_search_round
from xlnas_jax.results.document import columns_by_role
from xlnas_jax.results.tables import PRIMARY, few_shot_lines, rejected_lines, text_lines
from xlnas_jax.space.constraints import limits, shown
from xlnas_jax.terminal.versions import version_of
from xlnas_jax.types import XlnasError

# What draws the page.
DRAWN_BY = ("xlnas-jax", "vl-convert-python")
NOT_RECORDED = "not recorded by this run"
ROLES = ("source", "trained on", "auxiliary", "target", "text without labels")


def facts_of(run: Found) -> dict[str, Any]:
    """Everything about a run that is told in words."""
    return {
        "label": run.label,
        "path": str(run.path),
        "is_finished": run.is_finished,
        "state": state_of(run),
        "searched": searched(run),
        "languages": language_lists(run),
        "notes": notes_of(run),
        "commands": commands_of(run),
        "versions": versions_of(run),
        "times": times_of(run),
        "config": resolved(run),
    }


def state_of(run: Found) -> str:
    """How far it is."""
    rounds, done = run.config.search.rounds, len(run.rounds)
    if run.is_finished:
        return "finished"
    if not done:
        return "not finished: no round was logged yet"
    first = first_search_round(run)
    if first is None:
        return f"not finished: {_times(done, 'round')} of the warm-up logged"
    return f"not finished: {done - first} of {_times(rounds, 'round')} logged"


def searched(run: Found) -> list[list[str]]:
    """Name and value of what a reader must know first."""
    config, front = run.config, run.front
    limited = limits(config.constraints) | config.constraints.of_scores
    rows = [
        ["tasks", "; ".join(_tasks(run))],
        ["encoder", _encoder(run)],
        ["objectives, all minimised", ", ".join(config.search.objectives)],
        [
            "limits",
            ", ".join(f"{n} ≤ {shown(v)}" for n, v in limited.items()) or "none",
        ],
        ["strategy", config.controller.kind],
        [
            "rounds",
            f"{config.search.rounds} of {config.search.population} candidates and "
            f"{_times(config.search.weight_steps, 'weight step')}",
        ],
        ["seed", str(config.seed)],
    ]
    if front is not None:
        rows += [
            ["scored", f"{front['evaluated']:,}"],
            ["rejected unscored", f"{front['rejected_before_evaluation']:,}"],
            ["without a finite score", f"{front.get('failed', 0):,}"],
            ["on the front", f"{len(front['points']):,}"],
        ]
    return rows


def _tasks(run: Found) -> list[str]:
    """Kind, metric, number of labels and data of each task."""
    told = []
    for name, task in run.config.every_task.items():
        own = run.facts.get("tasks", {}).get(name, {})
        done = (run.front or {}).get("tasks", {}).get(name, {})
        kind = done.get("kind") or own.get("kind")
        parts = [kind] if kind else []
        if done:
            parts.append(PRIMARY.get(done["primary"], done["primary"]))
        labels = done.get("labels") or own.get("labels") or ()
        if labels:
            parts.append(_times(len(labels), "label"))
        data = getattr(task.data, "name", None) or task.data.kind
        parts.append(f"data {data}")
        where = "" if name == "task" else f"{name}: "
        told.append(where + ", ".join(parts))
    return told


def _encoder(run: Found) -> str:
    model = run.config.model
    name = str(getattr(model, "path", "") or f"{model.kind}, from nothing")
    shape = run.facts.get("shape", {})
    sizes = [
        f"{shape[key]} {word}"
        for key, word in (("num_layers", "layers"), ("width", "wide"))
        if key in shape
    ]
    front = run.front or {}
    origin = front.get("model_origin") or run.facts.get("model_origin")
    told = f"{name} ({' x '.join(sizes)})" if sizes else name
    return f"{told}; {origin}" if origin else told


def language_lists(run: Found) -> list[dict[str, Any]]:
    """Of each task the languages of every role, by name."""
    found = []
    for name, task in run.config.every_task.items():
        done = (run.front or {}).get("tasks", {}).get(name)
        pairs = columns_by_role(done) if done else _configured(task.languages)
        if done:
            own = done["roles"].get("unlabelled", ())
            pairs += [(column, "text without labels") for column in own]
        roles = {role: [_named(c) for c, one in pairs if one == role] for role in ROLES}
        found.append({"task": name, "roles": {k: v for k, v in roles.items() if v}})
    return found


def _configured(languages: LanguagesConfig) -> list[tuple[str, str]]:
    return [
        (languages.source, "source"),
        *((code, "trained on") for code in languages.aux_train),
        *((code, "auxiliary") for code in languages.aux_heldout),
        *((code, "target") for code in languages.target),
        *((code, "text without labels") for code in languages.unlabelled),
    ]


def _named(column: str) -> str:
    try:
        return named(column.rpartition("/")[2])
    except XlnasError:
        return column


def notes_of(run: Found) -> list[str]:
    """What a reader must know of what was seen, and of rows passed over."""
    if run.front is None:
        if not run.logged_front:
            return []
        return [
            "The front is that of the last round. Layers, controls and test scores "
            "are there once the search has finished."
        ]
    lines = rejected_lines, text_lines, few_shot_lines
    return [line for found in lines for line in found(run.front)]


def commands_of(run: Found) -> list[str]:
    """What makes this run again, what exports of it, and what made this page."""
    path = shlex.quote(str(run.path))
    config = shlex.quote(str(run.path / "config.yaml"))
    found = [f"xlnas search {config} --run-dir {path}"]
    if run.is_finished:
        found.append(f"xlnas export {path} --pick best --out MODEL")
    return [*found, f"xlnas report {path}"]


def versions_of(run: Found) -> list[list[str]]:
    """Versions that the run was made with, and those that drew the page."""
    recorded = run.measured.get("environment")
    own = recorded.items() if isinstance(recorded, dict) else ()
    rows = [[str(name), str(value)] for name, value in own]
    rows = rows or [["search", NOT_RECORDED]]
    return rows + [[f"this page: {name}", version_of(name)] for name in DRAWN_BY]


def times_of(run: Found) -> list[list[str]]:
    """Seconds of the whole run and of the parts of its end, where they are known."""
    found = [("whole search", run.measured.get("seconds"))]
    parts = run.measured.get("finish")
    if isinstance(parts, dict):
        found += [(f"at the end: {name}", value) for name, value in parts.items()]
    return [
        [name, f"{value:,.1f} s"]
        for name, value in found
        if isinstance(value, int | float)
    ]


def _times(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"
