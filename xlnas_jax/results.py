"""What a finished search says: `front.json`, and the table of it.

The document holds only what is deterministic; what a clock measured is kept
apart, in `measured.json`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from xlnas_jax.experiment import Experiment
from xlnas_jax.finish import (
    Scored,
    final_front,
    full_network,
    random_control,
    report,
    uniform_scaling,
)
from xlnas_jax.logger import Progress
from xlnas_jax.search import Engine, SearchState
from xlnas_jax.space.constraints import limits

FORMAT = 1
BASELINES = {
    "full": "full network",
    "random": "random search",
    "uniform": "uniform scaling",
}
# Borders cost the width that languages need on a terminal of 80 columns.
STYLE: dict[str, Any] = {
    "title_justify": "left",
    "box": box.SIMPLE_HEAD,
    "pad_edge": False,
}
PARTS = (
    "scoring the archive with the final weights",
    "scoring as many random networks",
    "scoring uniformly scaled networks",
    "scoring test data, targets included, for the report",
)
COUNTED = ("params", "encoder_params", "flops", "memory_bytes")
DIGITS = 6
MAX_ROWS = 8


def _number(value: Any) -> float:
    return round(float(value), DIGITS)


def conclude(
    experiment: Experiment, engine: Engine, state: SearchState, progress: Progress
) -> dict[str, Any]:
    """Takes the front, adds the baselines, and only then reads the targets."""
    params = state.learner.params
    done = int(state.round)

    def begin(part: int) -> None:
        progress.phase(PARTS[part])
        progress.update(done + part)

    begin(0)
    front = final_front(experiment, engine, state)
    parts = {"full": full_network(experiment, engine, params)}
    if experiment.config.search.control:
        begin(1)
        parts["random"] = random_control(experiment, engine, state)
        begin(2)
        parts["uniform"] = uniform_scaling(experiment, engine, params)
    names = [*parts, *["point"] * len(front.indices)]
    chosen = _join([*parts.values(), front])
    begin(3)
    tested, majority = report(experiment, params, chosen.indices)
    progress.update(done + len(PARTS))
    counts = int(state.evaluated), int(state.rejected)
    return make_document(experiment, chosen, tested, names, majority, *counts)


def _join(parts: list[Scored]) -> Scored:
    """Several sets of candidates, one after another."""
    return Scored(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.objectives for part in parts]),
        {
            name: np.concatenate([part.metrics[name] for part in parts])
            for name in parts[0].metrics
        },
    )


def make_document(
    experiment: Experiment,
    chosen: Scored,
    tested: Scored,
    names: list[str],
    majority: np.ndarray,
    evaluated: int,
    rejected: int,
) -> dict[str, Any]:
    """The contents of `front.json`.

    `chosen` holds scores on the auxiliary languages, `tested` the same candidates
    on every language; `names` says of each whether it is a baseline or a point.
    """
    config = experiment.config
    points, baselines = [], {}
    for position, name in enumerate(names):
        point = _point(experiment, chosen, tested, position)
        if name == "point":
            points.append(point)
        else:
            baselines[name] = point
    codes = [experiment.codes[code] for code in experiment.roles.all]
    given = config.languages
    return {
        "format": FORMAT,
        "constraints": [
            {"cost": name, "limit": limit}
            for name, limit in limits(config.constraints).items()
        ],
        "objectives": [objective.name for objective in experiment.objectives],
        "evaluated": evaluated,
        "rejected_before_evaluation": rejected,
        "seed": config.seed,
        "roles": {
            "source": given.source,
            "aux_train": list(given.aux_train),
            "aux_heldout": list(given.aux_heldout),
            "target": list(given.target),
        },
        "labels": list(experiment.task.labels),
        "majority": dict(zip(codes, map(_number, majority), strict=True)),
        "points": points,
        "baselines": baselines,
    }


def _point(
    experiment: Experiment, chosen: Scored, tested: Scored, position: int
) -> dict[str, Any]:
    """One network: its architecture, costs, objectives and scores."""
    space, row = experiment.space, chosen.indices[position]
    names = [objective.name for objective in experiment.objectives]
    counts = experiment.costs(row[None])
    return {
        "id": space.identifier(row),
        "architecture": space.values(row),
        "objectives": {
            name: int(counts[name][0]) if objective.is_cost else _number(value)
            for name, objective, value in zip(
                names, experiment.objectives, chosen.objectives[position], strict=True
            )
        },
        "costs": {name: int(counts[name][0]) for name in COUNTED},
        "selection": _languages(
            experiment, experiment.roles.aux_heldout, chosen, position
        ),
        "languages": _languages(experiment, experiment.roles.all, tested, position),
    }


def _languages(
    experiment: Experiment, languages: tuple[str, ...], scored: Scored, position: int
) -> dict[str, dict[str, float]]:
    return {
        experiment.codes[code]: {
            name: _number(values[position, index])
            for name, values in scored.metrics.items()
        }
        for index, code in enumerate(languages)
    }


def target_mean(document: dict[str, Any], point: dict[str, Any]) -> float:
    """Mean test accuracy over the target languages."""
    targets = document["roles"]["target"]
    return float(np.mean([point["languages"][code]["accuracy"] for code in targets]))


def make_front_table(document: dict[str, Any]) -> Table:
    """The front and the baselines, one network a row."""
    aux = ", ".join(document["roles"]["aux_heldout"])
    table = Table(title=f"Front, chosen on {aux} alone (accuracy in %)", **STYLE)
    table.add_column("network", no_wrap=True)
    first = f"aux {document['objectives'][0]}"
    for heading in ("encoder M", "MFLOPs", first, "aux dev", "source", "targets"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, point in _rows(document):
        table.add_row(name, *summary_cells(document, point))
    return table


def make_language_table(document: dict[str, Any]) -> Table:
    """Test accuracy of the named networks, one language a row."""
    table = Table(title="Test accuracy (%) per language", **STYLE)
    table.add_column("language", no_wrap=True)
    networks = named_networks(document)
    for name in ("majority", *networks):
        table.add_column(name, justify="right", no_wrap=True)
    for code, role in _languages_by_role(document):
        scores = [point["languages"][code]["accuracy"] for point in networks.values()]
        rates = (document["majority"][code], *scores)
        table.add_row(f"{code} ({role})", *(f"{100 * rate:.1f}" for rate in rates))
    majority = np.mean([document["majority"][c] for c in document["roles"]["target"]])
    means = (majority, *(target_mean(document, p) for p in networks.values()))
    table.add_section()
    table.add_row("target mean", *(f"{100 * mean:.1f}" for mean in means))
    return table


def named_networks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Baselines, then the best and the smallest network of the front."""
    points = document["points"]
    smallest = min(points, key=lambda point: point["costs"]["params"])
    return {**document["baselines"], "best": points[0], "smallest": smallest}


def _languages_by_role(document: dict[str, Any]) -> list[tuple[str, str]]:
    roles = document["roles"]
    return [
        (roles["source"], "source"),
        *((code, "trained on") for code in roles["aux_train"]),
        *((code, "auxiliary") for code in roles["aux_heldout"]),
        *((code, "target") for code in roles["target"]),
    ]


def print_results(
    console: Console, document: dict[str, Any], directory: Path, artifact: Path
) -> None:
    """Both tables, what was counted, and where everything is."""
    console.print(make_front_table(document))
    console.print(make_language_table(document))
    console.print(
        f"{document['evaluated']} candidates scored, "
        f"{document['rejected_before_evaluation']} rejected before any forward pass, "
        f"{len(document['points'])} on the front ({directory / 'front.json'}).",
        soft_wrap=True,
    )
    console.print(f"Exported model: {artifact}", soft_wrap=True)
    load = f'xlnas_jax.load("{artifact}").predict(["..."])'
    console.print(f"Load it in Python: {load}", soft_wrap=True, markup=False)


def _rows(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Baselines first, then the front, thinned evenly where it is long."""
    points = document["points"]
    count = min(len(points), MAX_ROWS)
    shown = np.unique(np.linspace(0, len(points) - 1, count).round().astype(int))
    rows = [(BASELINES[name], point) for name, point in document["baselines"].items()]
    return rows + [(points[i]["id"], points[i]) for i in shown]


def summary_cells(document: dict[str, Any], point: dict[str, Any]) -> list[str]:
    """Size, work and accuracy of one network, as they are shown."""
    selection = [scores["accuracy"] for scores in point["selection"].values()]
    source = point["languages"][document["roles"]["source"]]["accuracy"]
    return [
        f"{point['costs']['encoder_params'] / 1e6:.2f}",
        f"{point['costs']['flops'] / 1e6:.1f}",
        f"{point['objectives'][document['objectives'][0]]:.3f}",
        f"{100 * np.mean(selection):.1f}",
        f"{100 * source:.1f}",
        f"{100 * target_mean(document, point):.1f}",
    ]
