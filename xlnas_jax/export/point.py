"""From a point of a finished search to an artifact."""

from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.experiment.encoder import trained_on
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.taxonomy import PICKS
from xlnas_jax.experiment.unlabelled import read_texts
from xlnas_jax.export.artifact.artifact import Artifact, save_artifact, save_artifacts
from xlnas_jax.export.artifact.facts import MeasuredLatency, make_card, own_costs
from xlnas_jax.export.centers import find_centers
from xlnas_jax.export.finetune import finetune_subnet
from xlnas_jax.export.own_texts import find_reference
from xlnas_jax.export.slice import shape_of, slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.results.finalists.document import found_networks, winner_of
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.stages.tuned import kept_shares
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.training.places import Places
from xlnas_jax.types import ConfigError, brief


def pick_point(document: dict[str, Any], choice: str) -> dict[str, Any]:
    """The point of a front that `best`, `knee`, `smallest` or an id names.

    Of finalists, where there are some, and then `best` is the one that won. The front
    is sorted by its first objective. The knee is the point nearest to the ideal
    corner, every objective scaled to the extent of the front.

    Raises:
        ConfigError: no point has that id.
    """
    finalists = found_networks(document)
    points = finalists or document["points"]
    names = document["objectives"]
    matrix = np.asarray([[p["objectives"][n] for n in names] for p in points], float)
    if choice == "best":
        return winner_of(document) or points[0]
    if choice == "smallest":
        return min(points, key=lambda point: point["costs"]["params"])
    if choice == "knee":
        low, high = matrix.min(0), matrix.max(0)
        scaled = (matrix - low) / np.where(high > low, high - low, 1.0)
        return points[int(np.square(scaled).sum(-1).argmin())]
    points = [*finalists, *document["points"]]
    for point in points:
        if point["id"] == choice:
            return point
    raise ConfigError(
        f"pick: must be one of {list(PICKS)} or the id of a point on the front; got "
        f"{brief(choice)}. The ids are "
        f"{list(dict.fromkeys(point['id'] for point in points))}."
    )


def export_point(
    experiment: Experiment,
    params: SharedParams,
    document: dict[str, Any],
    point: dict[str, Any],
    out: Path,
    latency: MeasuredLatency | None = None,
    teacher: SharedParams | None = None,
    forms: tuple[str, ...] = (),
    report: Report = unheard,
) -> Path:
    """Slices, fine-tunes if asked, and writes an artifact with its model card.

    A search over several tasks gives one artifact for each, `out/TASK`: all of
    them, or nothing.
    """
    artifacts = {
        part.name: _make_artifact(
            experiment, part, params, document, point, latency, teacher, report
        )._replace(forms=forms)
        for part in experiment.parts
    }
    if len(artifacts) > 1:
        return save_artifacts(out, artifacts, report)
    (only,) = artifacts.values()
    return save_artifact(
        out,
        only.subnet,
        architecture=only.architecture,
        card=only.card,
        forms=forms,
        reference=only.reference,
        report=report,
    )


def _make_artifact(
    experiment: Experiment,
    part: TaskPart,
    params: SharedParams,
    document: dict[str, Any],
    point: dict[str, Any],
    latency: MeasuredLatency | None,
    teacher: SharedParams | None,
    report: Report,
) -> Artifact:
    """The network of one task."""
    space, shape = experiment.space, experiment.shape
    row = space.from_values(point["architecture"])
    pooling = str(point["architecture"]["pooling"][0])
    sliced = slice_subnet(params.of_task(part.name), space, row, shape)
    shape = shape_of(space, row, shape)
    numbers = tuple(number for number, _ in space.layers(row))
    places = Places(numbers, shape.num_layers)
    given = experiment, part, sliced, pooling, teacher, places
    how = {"shares": kept_shares(space, row), "shape": shape, "report": report}
    sliced = finetune_subnet(*given, **how)
    subnet = Subnet(
        sliced,
        shape,
        pooling,
        part.task.labels,
        part.tokenizer,
        task=part.task.kind,
        own_heads=part.own_heads,
        doc_stride=part.tokens.doc_stride,
        dtype=experiment.config.export.dtype,
    )
    if experiment.config.export.center and part.task.gives_vectors:
        texts = texts_by_language(experiment, part)
        subnet.centers = find_centers(subnet.vectors, texts, part.roles.source)
    architecture = {
        "id": point["id"],
        "architecture": point["architecture"],
        "costs": own_costs(experiment, part, row, point["costs"]),
        "objectives": point["objectives"],
    }
    card = make_card(experiment, part, document, point, subnet, latency)
    is_watched = experiment.config.export.monitor
    reference = find_reference(experiment, part, subnet) if is_watched else None
    return Artifact(subnet, architecture, card, reference=reference)


def texts_by_language(
    experiment: Experiment, part: TaskPart
) -> dict[str, tuple[str, ...]]:
    """Of every language the texts that weights may learn from, labels left aside.

    Those of the training splits of source and auxiliary languages, and text without
    labels: targets' is among it only where `languages.target_text` allows it.
    """
    found = {one.language: one.texts for one in trained_on(part.roles, part.source)}
    for one in read_texts(experiment, part):
        found.setdefault(one.learnt.language, one.learnt.texts)
    return {code: tuple(texts) for code, texts in found.items()}
