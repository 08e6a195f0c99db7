"""A few labelled rows of targets: of train splits alone, as many of each."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.export.tasks import three_tasks
from xlnas_jax.config.config import Config
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.data.examples import AnyExamples
from xlnas_jax.experiment.arrays import few_shot_rows
from xlnas_jax.experiment.few_shot import few_shot_examples
from xlnas_jax.experiment.inspection import inspect_data
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.types import ConfigError, DataError, LeakError

ROWS = 6


def sealed(part: TaskPart, rows: int = ROWS) -> TaskPart:
    """A task whose splits other than targets' train splits cannot be opened."""
    read = part.source.read

    def opened(language: str, split) -> AnyExamples:
        assert (language in part.roles.target, split) == (True, "train")
        return read(language, split)

    roles = dataclasses.replace(part.roles, target_rows=rows)
    return dataclasses.replace(
        part, roles=roles, source=part.source._replace(read=opened)
    )


def experiment(rows: int = ROWS) -> Experiment:
    base = three_tasks()
    config = dataclasses.replace(base.config, few_shot=FewShotConfig(rows=rows))
    parts = tuple(sealed(part, rows) for part in base.parts)
    return dataclasses.replace(base, config=config, parts=parts)


def test_each_kind_of_task_gives_as_many_rows_of_every_target() -> None:
    found = experiment()
    batches = few_shot_rows(found)
    for part, own in zip(found.parts, batches, strict=True):
        examples = few_shot_examples(found, part)
        assert [one.language for one in examples] == ["sw", "fi"]
        assert {one.split for one in examples} == {"train"}
        assert [len(one) for one in examples] == [ROWS, ROWS]
        language = np.concatenate([np.asarray(one.language) for one in own])
        spoken = {part.roles.every[code] for code in language}
        assert spoken == {"sw", "fi"}
        # A question has a row for every window of its context.
        assert len(language) >= 2 * ROWS
        assert part.task.kind == "qa" or len(language) == 2 * ROWS


def test_whatever_the_seed_of_the_search_rows_are_the_same() -> None:
    one, other = experiment(), experiment()
    config = dataclasses.replace(other.config, seed=9)
    other = dataclasses.replace(other, config=config)
    for part in one.parts:
        pairs = few_shot_examples(one, part), few_shot_examples(other, part)
        for mine, theirs in zip(*pairs, strict=True):
            assert mine.ids == theirs.ids


def test_without_being_asked_for_no_row_is_given() -> None:
    with pytest.raises(LeakError, match=r"few_shot\.rows"):
        few_shot_examples(three_tasks(), three_tasks().parts[0])


def with_rows(rows: int, **changes: object) -> Config:
    return tiny_config(few_shot=FewShotConfig(rows=rows), **changes)


def test_a_target_with_too_few_is_named_before_the_search() -> None:
    experiment = prepare(with_rows(1000))
    with pytest.raises(DataError, match=r"must have 1,000 rows; got 80 of es, 80 of"):
        inspect_data(experiment)
    assert inspect_data(prepare(with_rows(80)))


def test_splits_of_targets_that_will_be_read_are_looked_at_first() -> None:
    plain, few = (inspect_data(prepare(with_rows(n))) for n in (0, ROWS))
    more = {(one.language, one.split) for one in few["task"]}
    less = {(one.language, one.split) for one in plain["task"]}
    assert more - less == {("es", "train"), ("ca", "train")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"export": ExportConfig(finetune_steps=2)}, r"export\.finetune_steps: must"),
        ({"few_shot": FewShotConfig(rows=1, top_layers=3)}, "must be at most 2"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(dataclasses.replace(with_rows(ROWS), **changes))
