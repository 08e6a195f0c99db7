"""From a point of a finished search to an artifact."""

from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.config import PretrainedModel, TableData
from xlnas_jax.experiment import Experiment, evaluation_batches
from xlnas_jax.export.artifact import save_artifact
from xlnas_jax.export.card import Card
from xlnas_jax.export.finetune import finetune_subnet
from xlnas_jax.export.score import score_subnet
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.types import ConfigError

LICENCES = {"sib200": "CC-BY-SA-4.0 (text), Apache-2.0 (labels)"}
NAMED = ("best", "knee", "smallest")


def pick_point(document: dict[str, Any], choice: str) -> dict[str, Any]:
    """The point of a front that `best`, `knee`, `smallest` or an id names.

    The front is sorted by its first objective. The knee is the point nearest to
    the ideal corner, every objective scaled to the extent of the front.

    Raises:
        ConfigError: no point has that id.
    """
    points = document["points"]
    names = document["objectives"]
    matrix = np.asarray([[p["objectives"][n] for n in names] for p in points], float)
    if choice == "best":
        return points[0]
    if choice == "smallest":
        return min(points, key=lambda point: point["costs"]["params"])
    if choice == "knee":
        low, high = matrix.min(0), matrix.max(0)
        scaled = (matrix - low) / np.where(high > low, high - low, 1.0)
        return points[int(np.square(scaled).sum(-1).argmin())]
    for point in points:
        if point["id"] == choice:
            return point
    raise ConfigError(
        f"pick: must be one of {list(NAMED)} or the id of a point on the front; got "
        f"{choice!r}. The ids are {[point['id'] for point in points]}."
    )


def export_point(
    experiment: Experiment,
    params: SupernetParams,
    document: dict[str, Any],
    point: dict[str, Any],
    out: Path,
) -> Path:
    """Slices, fine-tunes if asked, and writes the artifact with its model card."""
    config, space, shape = experiment.config, experiment.space, experiment.shape
    indices = space.from_values(point["architecture"])
    pooling = point["architecture"]["pooling"][0]
    sliced = slice_subnet(params, space, shape, indices)
    sliced = finetune_subnet(experiment, sliced, pooling)
    scores = point["languages"]
    if config.export.finetune_steps:
        scores = _tested(experiment, sliced, pooling)
    full = np.asarray(space.flatten(space.largest()))[None]
    counts = experiment.costs(full)
    card = Card(
        title=f"{Path(out).name}: {experiment.task.name} found by xlnas_jax",
        roles=document["roles"],
        scores=scores,
        majority=document["majority"],
        costs=point["costs"],
        full_costs={name: int(counts[name][0]) for name in point["costs"]},
        cost_length=experiment.costs.length,
        data=_data_name(experiment),
        seed=config.seed,
        data_licence=_data_licence(experiment),
        source_model=_model_name(experiment),
        source_licence=_model_licence(experiment),
        finetune_steps=config.export.finetune_steps,
    )
    subnet = Subnet(
        sliced, shape, pooling, experiment.task.labels, experiment.tokenizer
    )
    architecture = {
        "id": point["id"],
        "architecture": point["architecture"],
        "costs": point["costs"],
        "objectives": point["objectives"],
    }
    return save_artifact(out, subnet, architecture=architecture, card=card)


def _tested(experiment: Experiment, params: Any, pooling: str) -> dict[str, Any]:
    """Test scores of a fine-tuned network; part of the report, chosen long before."""
    languages = experiment.roles.all
    batches = evaluation_batches(experiment, languages, "test", "report")
    metrics = score_subnet(
        params, experiment.shape, pooling, experiment.task, batches, len(languages)
    )
    return {
        experiment.codes[code]: {
            name: round(float(values[index]), 6) for name, values in metrics.items()
        }
        for index, code in enumerate(languages)
    }


def _data_name(experiment: Experiment) -> str:
    data = experiment.config.data
    if isinstance(data, TableData) and data.preset != "none":
        return data.preset
    return getattr(data, "path", data.kind)


def _data_licence(experiment: Experiment) -> str:
    data = experiment.config.data
    if isinstance(data, TableData):
        return LICENCES.get(data.preset, "")
    return "Unicode License v3 (CLDR)" if data.kind == "cldr" else ""


def _model_name(experiment: Experiment) -> str:
    model = experiment.config.model
    return model.path if isinstance(model, PretrainedModel) else ""


def _model_licence(experiment: Experiment) -> str:
    """The `license:` line of the checkpoint's own model card, if it has one."""
    model = experiment.config.model
    if not isinstance(model, PretrainedModel):
        return ""
    card = pretrained.resolve(model.path, model.revision) / "README.md"
    if not card.is_file():
        return ""
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:40]:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip()
    return ""
