"""An exported model keeps counts of its run's texts, and no label was looked at."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.export.tasks import chosen_row, noisy_params, three_tasks
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.data.examples import Source
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.export.own_texts import MOST, choose, find_reference
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import DataError, LeakError


def watched(**changes: Any) -> Experiment:
    """The classifier of three tasks, with a reference."""
    found = three_tasks()
    config = dataclasses.replace(found.config, export=ExportConfig(monitor=True))
    part = dataclasses.replace(found.parts[0], **changes)
    return dataclasses.replace(found, config=config, parts=(part,))


def subnet_of(experiment: Experiment) -> Subnet:
    """The classifier as it would be exported."""
    part, row = experiment.parts[0], np.asarray(chosen_row(), np.int32)
    weights = noisy_params().of_task(part.name)
    sliced = slice_subnet(weights, experiment.space, row)
    pooling = str(experiment.space.values(row)["pooling"][0])
    given = sliced, experiment.shape, pooling, part.task.labels
    return Subnet(*given, part.tokenizer)


def test_counts_are_those_of_what_is_predicted_of_auxiliary_dev_splits() -> None:
    experiment = watched()
    part, subnet = experiment.parts[0], subnet_of(experiment)
    languages = [*part.roles.aux_train, *part.roles.aux_heldout]
    own = [part.source.read(code, "dev") for code in languages]
    pairs = dict.fromkeys(
        pair for one in own for pair in zip(one.texts, one.pairs, strict=True)
    )
    predicted = subnet.predict(*(list(one) for one in zip(*pairs, strict=True)))
    labels = [one.label for one in predicted]
    found = find_reference(experiment, part, subnet)
    assert found.texts == len(pairs) > 20
    assert found.counts["label"] == {one: labels.count(one) for one in {*labels}}
    assert found.counts["script"] == {"LATIN": len(pairs)}


def test_labels_of_targets_are_never_asked_for() -> None:
    part = three_tasks().parts[0]
    read: list[tuple[str, str]] = []

    def spied(language: str, split: Any):
        read.append((language, split))
        return part.source.read(language, split)

    source = Source(part.source.labels, part.source.languages, spied, "spied", "")
    experiment = watched(source=source)
    subnet = subnet_of(experiment)
    assert find_reference(experiment, experiment.parts[0], subnet) is not None
    assert {*read} == {("fr", "dev"), ("pt", "dev")}


def test_where_the_data_are_gone_the_model_is_written_without(monkeypatch) -> None:
    def gone(error: Exception):
        def read(language: str, split: Any):
            raise error

        part = three_tasks().parts[0]
        return Source(part.source.labels, part.source.languages, read, "gone", "")

    experiment = watched(source=gone(DataError("there is none any more.")))
    part = experiment.parts[0]
    with pytest.warns(UserWarning, match="without what a server notices drift by"):
        assert find_reference(experiment, part, subnet_of(experiment)) is None
    # What roles forbid is no such case.
    experiment = watched(source=gone(LeakError("never")))
    with pytest.raises(LeakError):
        find_reference(experiment, experiment.parts[0], subnet_of(experiment))


def test_of_many_texts_the_same_ones_are_taken_each_once() -> None:
    pairs = [(f"text {n % 900}", None) for n in range(2000)]
    found = choose(pairs)
    assert len(found) == len({*found}) == MOST
    assert {*choose(pairs[::-1])} == {*found}
    assert choose(pairs[:5]) == pairs[:5]
