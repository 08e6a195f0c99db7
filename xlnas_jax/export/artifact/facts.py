"""What a search knows of an exported network: its costs, scores and provenance."""

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Int

from xlnas_jax.config.data import (
    AnyData,
    CipherData,
    FileData,
    HubData,
    MixData,
    SetData,
    TableData,
)
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.data.augment.learnt import rows_made
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.unlabelled import is_paired
from xlnas_jax.export.artifact.card import Card, FewShot, Latency
from xlnas_jax.export.score import score_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.results.few_shot.document import few_shot_of, told, trained_part
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.stages.mix import mix_of
from xlnas_jax.supernet.stages.tuned import TUNED
from xlnas_jax.types import ConfigError, DataError

DIGITS = 6
Value = TypeVar("Value")


def own_costs(
    experiment: Experiment,
    part: TaskPart,
    row: Int[np.ndarray, " site"],
    names: Iterable[str],
) -> dict[str, int | float]:
    """What a network costs with this task's head alone."""
    model = dataclasses.replace(experiment.costs, heads=(part.head_size,))
    counts = model.counted(np.asarray(row)[None])
    return {name: counts[name][0].item() for name in names}


class MeasuredLatency(NamedTuple):
    """What was measured in a search that latency took part in.

    Attributes:
        part: name of the task whose head the networks were measured with.
        latency_ms: by the name of the network.
        what: the batch, and the machine.
    """

    part: str
    latency_ms: Mapping[str, float]
    what: str

    def of(
        self, part: TaskPart, point: dict[str, Any], document: dict[str, Any]
    ) -> Latency | None:
        """That of one point with one task's head, beside the full network's."""
        found = self.latency_ms.get(point["id"])
        if found is None or part.name != self.part:
            return None
        full = document["baselines"]["full"]["id"]
        return Latency(found, self.latency_ms.get(full), self.what)


def make_card(
    experiment: Experiment,
    part: TaskPart,
    document: dict[str, Any],
    point: dict[str, Any],
    subnet: Subnet,
    latency: MeasuredLatency | None = None,
) -> Card:
    """What the model card tells of one task's network.

    Test data is read where the search did not score this very network on it.
    """
    config, space = experiment.config, experiment.space
    task, names = document["tasks"][part.name], point["costs"]
    steps = config.export.finetune_steps
    scores = _by_code(experiment, part, point["languages"])
    few = few_shot_of(document, point)
    if few is not None:
        scores = _by_code(experiment, part, few["languages"])
    if steps or not scores:
        scores = _tested_if_there(experiment, part, subnet)
    row = space.from_values(point["architecture"])
    full = space.largest_row
    (share,) = experiment.costs.shares_of_flops(row[None])
    alone = config.finalists.steps_of(float(share))
    return Card(
        title=f"{point['id']}: {part.task.kind} found by xlnas_jax",
        roles=_roles(part),
        scores=scores,
        trivial=_by_code(experiment, part, task["trivial"]["scores"]),
        trivial_name=task["trivial"]["name"],
        primary=part.task.primary,
        costs=own_costs(experiment, part, row, names),
        full_costs=own_costs(experiment, part, full, names),
        cost_length=experiment.costs.length,
        data=_data_name(part.config.data),
        seed=config.seed,
        data_licence=part.source.licence,
        augmented=_augmented(part),
        source_model=_model_name(experiment),
        source_licence=model_licence(experiment),
        finetune_steps=steps,
        finalist_steps=alone if "places" in point else 0,
        may_stop="places" in point and config.finalists.patience > 0,
        method=config.train.method,
        is_paired=is_paired(part),
        latency=None if latency is None else latency.of(part, point, document),
        vocabulary=experiment.vocabulary,
        disk_form=config.cost.disk_form,
        few_shot=None if few is None else _few_shot(experiment, part, few),
        shares=_shares(space, row) if steps or "places" in point else (),
        mixed_in=_mixed_in(space, row) if "places" in point else None,
    )


def _few_shot(
    experiment: Experiment, part: TaskPart, found: Mapping[str, Any]
) -> FewShot:
    """What one task's network learnt from targets, and its scores before."""
    names = {experiment.column(part, code) for code in part.roles.target}
    own = {name: ids for name, ids in found["ids"].items() if name in names}
    before = _by_code(experiment, part, found["zero_shot"]["languages"])
    return FewShot(
        told({**found, "ids": own}), found["steps"], trained_part(found), before
    )


def _shares(space: SearchSpace, row: Int[np.ndarray, " site"]) -> tuple[float, ...]:
    """Of its update that each layer took in training alone, if that was a choice."""
    shares = space.values(row).get(TUNED, ())
    return tuple(float(shares[n]) for n, _ in space.layers(row)) if shares else ()


def _mixed_in(space: SearchSpace, row: Int[np.ndarray, " site"]) -> int | None:
    """The layer in which texts met, if that was a choice and it is kept."""
    chosen = mix_of(space, row)
    if chosen is None:
        return None
    layer = chosen.layers[int(chosen.place)]
    return layer if layer in (number for number, _ in space.layers(row)) else None


def _roles(part: TaskPart) -> dict[str, str | list[str]]:
    """Languages by role, as the user spelled them."""
    roles, codes = part.roles, part.codes
    several = {
        role: [codes[code] for code in getattr(roles, role)]
        for role in ("aux_train", "aux_heldout", "unlabelled", "target")
    }
    return {"source": codes[roles.source], **several}


def _by_code(
    experiment: Experiment, part: TaskPart, columns: Mapping[str, Value]
) -> dict[str, Value]:
    """Entries of one task's columns, by the code of the language alone."""
    names = {code: experiment.column(part, code) for code in part.roles.all}
    return {
        part.codes[code]: columns[name]
        for code, name in names.items()
        if name in columns
    }


def _tested_if_there(
    experiment: Experiment, part: TaskPart, subnet: Subnet
) -> dict[str, dict[str, float]]:
    """Test scores, or none where the data of the search are no longer there."""
    try:
        return _tested(experiment, part, subnet)
    except (DataError, ConfigError) as error:
        warnings.warn(
            f"the model card has no test scores of this network: {error}", stacklevel=2
        )
        return {}


def _tested(
    experiment: Experiment, part: TaskPart, subnet: Subnet
) -> dict[str, dict[str, float]]:
    """Test scores where the search took none: chosen long before, so a report.

    A fine-tuned network has other weights; of a long front, some alone were scored.
    """
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    weights, shape, pooling = subnet.weights, subnet.shape, subnet.pooling
    found = score_subnet(weights, shape, pooling, part.task, data)
    return {
        part.codes[code]: {k: round(v, DIGITS) for k, v in one.metrics.items()}
        for code, one in zip(part.roles.all, found, strict=True)
    }


def _data_name(data: AnyData) -> str:
    match data:
        case SetData():
            return data.name
        case MixData():
            return " + ".join(_data_name(part) for part in data.parts)
        case TableData():
            return _without_place(data.path) if data.preset == "none" else data.preset
        case FileData() | HubData():
            return _without_place(data.path)
        case CipherData():
            return f"cipher languages of {_data_name(data.base)}"
    return data.kind


def _model_name(experiment: Experiment) -> str:
    model = experiment.config.model
    if not isinstance(model, PretrainedModel):
        return ""
    origin = f", {experiment.model_origin}" if experiment.model_origin else ""
    if model.narrow is not None:
        origin += (
            f", narrowed to {model.narrow.width} hidden dimensions that learnt in "
            f"{model.narrow.steps:,} steps what they gave"
        )
    return _without_place(model.path) + origin


def _without_place(path: str) -> str:
    """What a path says of its content, not where its author keeps that.

    Hub ids and relative paths are as they were written. Of any other, what remains is
    the last folder or file, and the pattern of names below it.
    """
    if not Path(path).expanduser().is_absolute():
        return path
    parts = Path(path).parts[1:] or (path,)
    fixed = next((i for i, part in enumerate(parts) if "{" in part), len(parts))
    return "/".join(parts[max(fixed - 1, 0) :])


def _augmented(part: TaskPart) -> tuple[str, ...]:
    """What training rows were made of others, a line for each entry."""
    if part.source.learnt is None:
        return ()
    return tuple(
        f"{rows_made(one):,} training rows were made of others by {one.kind}, with "
        f"{one.by}, of {', '.join(part.codes.get(c, c) for c in one.languages)}"
        for one in part.source.learnt().made
    )


def model_licence(experiment: Experiment) -> str:
    """The `license:` line of the checkpoint's own model card, if it has one."""
    model = experiment.config.model
    if experiment.model_licence is not None:
        return experiment.model_licence
    if not isinstance(model, PretrainedModel):
        return ""
    card = pretrained.resolve(model.path, model.revision) / "README.md"
    if not card.is_file():
        return ""
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:40]:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip()
    return ""
