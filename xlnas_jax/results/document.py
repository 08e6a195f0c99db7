"""The contents of `front.json`: what a finished search found, and how it scored.

It holds only what is deterministic; what a clock measured is kept apart, in
`measured.json`. Scores are kept by column: a language's code, or `task/code` where
there are several tasks.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from xlnas_jax.data.sources import read
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.objectives.signals import two_front
from xlnas_jax.results.augmentation import augmentation_of
from xlnas_jax.results.finish import Scored, Tested
from xlnas_jax.results.scoring import Scores, from_sums
from xlnas_jax.space.constraints import limits
from xlnas_jax.space.cost import TUNED_PARAMS
from xlnas_jax.space.disk import DISK
from xlnas_jax.tasks import summary
from xlnas_jax.tasks.divergence import DIVERGENCE
from xlnas_jax.tasks.trivial import NAMES

FORMAT = 1
COUNTED = ("params", "encoder_params", "flops", "memory_bytes")
# Beside them, in a search in which they are counted.
AT_TIMES = (TUNED_PARAMS, DISK)
DIGITS = 6

Document = dict[str, Any]


def number(value: Any) -> float:
    """A value with as many digits as are kept."""
    return round(float(value), DIGITS)


def make_document(
    experiment: Experiment,
    chosen: Scored,
    names: list[str],
    tested: Tested,
    shown: list[int],
    evaluated: int,
    rejected: int,
    failed: int,
) -> Document:
    """The contents of `front.json`.

    Args:
        chosen: candidates with their scores on the auxiliary languages.
        names: of each, the baseline it is, or `point`.
        tested: test scores of the candidates at the positions `shown`.
        evaluated, rejected, failed: see `search.SearchState`.
    """
    config = experiment.config
    scores = dict(zip(shown, tested.networks, strict=True))
    every = [
        make_point(experiment, chosen, position, scores.get(position, {}))
        for position in range(len(names))
    ]
    baselines = {n: p for n, p in zip(names, every, strict=True) if n != "point"}
    document = {
        "format": FORMAT,
        "constraints": [
            {"cost": name, "limit": limit}
            for name, limit in limits(config.constraints).items()
        ],
        "objectives": [objective.name for objective in experiment.objectives],
        "evaluated": evaluated,
        "rejected_before_evaluation": rejected,
        "failed": failed,
        "seed": config.seed,
        "model_origin": experiment.model_origin,
        **_of_vocabulary(experiment),
        "tasks": {
            part.name: _task(experiment, part, tested) for part in experiment.parts
        },
        "points": [p for n, p in zip(names, every, strict=True) if n == "point"],
        "fronts": fronts(experiment, chosen, names),
        "baselines": baselines,
    }
    best = names.index("point")
    document["comparisons"] = {
        name: compare(experiment, document, scores[best], scores[names.index(name)])
        for name in baselines
    }
    for position, point in enumerate(every):
        if point["languages"]:
            own = scores.get(position, {})
            point["summary"] = summarise(experiment, document, point, own)
    return document


def _task(experiment: Experiment, part: TaskPart, tested: Tested) -> dict[str, Any]:
    """What kind of task it is, on which languages, and what needs no network."""
    roles = part.roles

    def columns(codes: tuple[str, ...]) -> list[str]:
        return [experiment.column(part, code) for code in codes]

    every = columns(roles.all)
    return {
        "kind": part.task.kind,
        "primary": part.task.primary,
        "labels": list(part.task.labels),
        "roles": {
            "source": experiment.column(part, roles.source),
            "aux_train": columns(roles.aux_train),
            "aux_heldout": columns(roles.aux_heldout),
            "target": columns(roles.target),
            **_of_texts(part, columns(roles.unlabelled)),
        },
        **augmentation_of(part),
        "trivial": {
            "name": NAMES[part.task.kind],
            "scores": {column: number(tested.trivial[column]) for column in every},
        },
        "rows": load_reports(experiment, part),
    }


def _of_vocabulary(experiment: Experiment) -> dict[str, Any]:
    """How many pieces are kept, and whose texts decided, where it is trimmed.

    All networks have these pieces, so their fronts compare layers alone.
    """
    found = experiment.vocabulary
    if found is None:
        return {}
    kept = {"pieces": experiment.shape.vocab_size, "of": found.rows}
    return {"vocabulary": {**kept, "languages": list(found.languages)}}


def _of_texts(part: TaskPart, columns: list[str]) -> dict[str, Any]:
    """Whose text was used without labels, where any was; targets' is told apart."""
    if not columns:
        return {}
    return {"unlabelled": columns, "target_text": part.roles.target_text}


def fronts(
    experiment: Experiment, chosen: Scored, names: list[str]
) -> dict[str, list[str]]:
    """Of each cost that is minimised, the points on the front of score and cost."""
    is_point = np.asarray([name == "point" for name in names])
    rows, points = chosen.indices[is_point], chosen.objectives[is_point]
    return {
        objective.name: [
            experiment.space.identifier(row)
            for row in rows[two_front(points[:, 0], points[:, column])]
        ]
        for column, objective in enumerate(experiment.objectives)
        if objective.is_cost
    }


def load_reports(experiment: Experiment, part: TaskPart) -> dict[str, Any]:
    """What became of the rows of every split that was read, by split and column."""
    found: dict[str, Any] = {}
    for split, phase, codes in experiment.reads(part):
        for code in codes:
            report = read(part.source, part.roles, code, split, phase).report
            column = experiment.column(part, code)
            found.setdefault(split, {})[column] = dataclasses.asdict(report)
    return found


def _costs_of(counts: Mapping[str, np.ndarray]) -> dict[str, int | float]:
    """Of the first network, what is counted without a clock."""
    names = (*COUNTED, *(name for name in AT_TIMES if name in counts))
    return {name: _amount(counts[name][0]) for name in names}


def make_point(
    experiment: Experiment, chosen: Scored, position: int, scores: dict[str, Scores]
) -> dict[str, Any]:
    """One network: its architecture, costs, objectives and scores."""
    space, row = experiment.space, chosen.indices[position]
    counts = experiment.costs(row[None])
    selection = {
        experiment.column(part, code): {
            name: number(values[position, index])
            for name, values in metrics.items()
            if index < values.shape[1]  # the source is not aligned with itself
            # What has no labels has no other scores.
            and (name == DIVERGENCE or code not in experiment.heard(part))
        }
        for part, metrics in zip(experiment.parts, chosen.metrics, strict=True)
        for index, code in enumerate(experiment.measured(part))
    }
    return {
        "id": space.identifier(row),
        "architecture": space.values(row),
        "objectives": {
            objective.name: _amount(counts[objective.name][0])
            if objective.is_cost
            else number(value)
            for objective, value in zip(
                experiment.objectives, chosen.objectives[position], strict=True
            )
        },
        "costs": _costs_of(counts),
        "selection": selection,
        "languages": {
            column: {name: number(value) for name, value in found.metrics.items()}
            for column, found in scores.items()
        },
    }


def _amount(cost: np.number) -> int | float:
    """A counted cost as it is; latency as it was predicted."""
    return int(cost) if isinstance(cost, np.integer) else number(cost)


def primary(task: dict[str, Any], point: dict[str, Any], column: str) -> float:
    """The task's official metric of a network in one language."""
    return point["languages"][column][task["primary"]]


def summarise(
    experiment: Experiment,
    document: Document,
    point: dict[str, Any],
    scores: Mapping[str, Scores],
) -> dict[str, Any]:
    """Means over languages, by task, and over tasks as in XTREME.

    Args:
        scores: of the point, by column; `target_error` is the standard error of
            `target_mean` over their items.
    """
    errors, tasks = _errors(experiment, document, scores), {}
    for name, task in document["tasks"].items():
        roles = task["roles"]
        source = primary(task, point, roles["source"])
        targets = {code: primary(task, point, code) for code in roles["target"]}
        worst = summary.worst_language(targets)
        tasks[name] = {
            "source": source,
            "target_mean": number(summary.macro_average(targets)),
            "target_error": number(errors[name]),
            "mean_with_source": number(
                summary.macro_average({**targets, roles["source"]: source})
            ),
            "transfer_gap": number(summary.transfer_gap(source, targets)),
            "worst_language": {"language": worst.code, "score": worst.value},
        }
    return {
        "tasks": tasks,
        "target_mean": number(np.mean([t["target_mean"] for t in tasks.values()])),
        "target_error": number(np.linalg.norm(list(errors.values())) / len(tasks)),
        "mean_with_source": number(
            np.mean([t["mean_with_source"] for t in tasks.values()])
        ),
    }


def _errors(
    experiment: Experiment, document: Document, scores: Mapping[str, Scores]
) -> dict[str, float]:
    """By task, the standard error of the mean over targets, over test items.

    NaN where an item of theirs failed.
    """
    found = {}
    for part in experiment.parts:
        ids, items = _of_targets(document, part, scores)
        is_sound = all(np.isfinite(own).all() for own in items.values())
        metric = from_sums(part.task.kind)
        found[part.name] = (
            summary.standard_error(ids, items, metric) if is_sound else math.nan
        )
    return found


def compare(
    experiment: Experiment,
    document: Document,
    best: dict[str, Scores],
    other: dict[str, Scores],
) -> dict[str, dict[str, float]]:
    """By task, the best network's target mean less a baseline's, resampled by item."""
    found = {}
    for part in experiment.parts:
        ids, items = _of_targets(document, part, best)
        _, others = _of_targets(document, part, other)
        metric = from_sums(part.task.kind)
        comparison = summary.paired_bootstrap(ids, items, others, metric)
        found[part.name] = {k: number(v) for k, v in comparison._asdict().items()}
    return found


def _of_targets(
    document: Document, part: TaskPart, scores: Mapping[str, Scores]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """By column of a target, ids of test items and what was counted of each."""
    targets = document["tasks"][part.name]["roles"]["target"]
    own = {column: scores[column] for column in targets}
    ids = {column: one.ids for column, one in own.items()}
    return ids, {column: one.items for column, one in own.items()}


def target_mean(point: dict[str, Any]) -> float | None:
    """Mean over tasks of the mean over target languages of the official metric."""
    return point["summary"]["target_mean"]


def named_networks(document: Document) -> dict[str, dict[str, Any]]:
    """Baselines, then the best and the smallest network of the front."""
    points = document["points"]
    smallest = min(points, key=lambda point: point["costs"]["params"])
    return {**document["baselines"], "best": points[0], "smallest": smallest}


def columns_by_role(task: dict[str, Any]) -> list[tuple[str, str]]:
    """Every column of a task with the role of its language, source first."""
    roles = task["roles"]
    return [
        (roles["source"], "source"),
        *((column, "trained on") for column in roles["aux_train"]),
        *((column, "auxiliary") for column in roles["aux_heldout"]),
        *((column, "target") for column in roles["target"]),
    ]
