"""What a few rows of targets change, and what `front.json` says of it."""

import dataclasses
import io
from typing import Any

import jax
import numpy as np
import pytest
from rich.console import Console

from tests.experiments import tiny_config
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import import_params
from xlnas_jax.results.few_shot import tune
from xlnas_jax.results.few_shot.document import add_few_shot, few_shot_of, told
from xlnas_jax.results.few_shot.tune import exported_weights, keep, tune_on_targets
from xlnas_jax.results.finalists.weights import cut_network
from xlnas_jax.results.finish import report
from xlnas_jax.results.tables import few_shot_lines, make_few_shot_table
from xlnas_jax.types import CheckpointError, DivergedError

ROWS = 8
FEW = FewShotConfig(rows=ROWS, steps=12, learning_rate=3e-2, top_layers=1)
CODES = ("en", "fr", "pt", "it", "es", "ca")


def documented(experiment: Experiment) -> dict[str, Any]:
    (part,) = experiment.parts
    roles = part.roles
    names = {n: list(getattr(roles, n)) for n in ("aux_train", "aux_heldout", "target")}
    task = {"primary": "accuracy", "roles": {"source": "en", **names}}
    return {"tasks": {"task": task}}


@pytest.fixture(scope="module")
def tuned():
    """The full network before and after, and the document that tells of both."""
    config = tiny_config(few_shot=FEW, space=SpaceConfig(heads=(1, 2)))
    experiment = prepare(config)
    before = import_params(experiment)
    row = np.asarray(experiment.space.num_choices, np.int32) - 1
    after = tune_on_targets(experiment, before, row)
    tested = report(experiment, [(lambda: before, row), (lambda: after, row)])
    document = documented(experiment)
    point = {"id": experiment.space.identifier(row)}
    point["architecture"] = experiment.space.values(row)
    add_few_shot(experiment, document, point, *tested.networks)
    return experiment, row, (before, after), point, document


def test_frozen_weights_stay_bit_for_bit_and_the_others_learn(tuned) -> None:
    before, after = tuned[2]
    pairs = (jax.tree.leaves(one.encoder.embeddings) for one in (before, after))
    assert all((x == y).all() for x, y in zip(*pairs, strict=True))
    pairs = (jax.tree.leaves(one.encoder.layers) for one in (before, after))
    moved = []
    for x, y in zip(*pairs, strict=True):
        np.testing.assert_array_equal(x[0], y[0])
        moved.append(bool((np.asarray(x[1]) != np.asarray(y[1])).any()))
    assert any(moved)
    heads = (jax.tree.leaves(one.heads) for one in (before, after))
    assert any((x != y).any() for x, y in zip(*heads, strict=True))


def test_what_was_learnt_from_is_told_with_the_scores_on_both_sides(tuned) -> None:
    found = tuned[4]["few_shot"]
    assert (found["rows"], found["steps"], found["top_layers"]) == (ROWS, 12, 1)
    assert {code: len(ids) for code, ids in found["ids"].items()} == {"es": 8, "ca": 8}
    assert set(found["languages"]) == set(found["zero_shot"]["languages"]) == set(CODES)
    means = [
        np.mean([one["languages"][code]["accuracy"] for code in ("es", "ca")])
        for one in (found, found["zero_shot"])
    ]
    own = found["summary"]["tasks"]["task"]["target_mean"]
    assert own == pytest.approx(means[0], abs=1e-6)
    difference = found["comparisons"]["task"]["difference"]
    assert difference == pytest.approx(means[0] - means[1], abs=2e-6) and difference


def test_it_is_told_of_the_network_that_was_trained_so_alone(tuned) -> None:
    point, document = tuned[3:]
    assert few_shot_of(document, point) is document["few_shot"]
    assert few_shot_of(document, {**point, "name": "taylor-0"}) is None
    assert few_shot_of({}, point) is None


def test_the_terminal_shows_both_scores_and_says_whose_labels(tuned) -> None:
    document = tuned[4]
    console = Console(file=(out := io.StringIO()), width=160)
    console.print(make_few_shot_table(document, "task"))
    shown = " ".join(out.getvalue().split())
    assert "its last layer on 8 labelled rows of each of 2 target languages" in shown
    found = document["few_shot"]
    both = [
        f"{100 * one['languages']['ca']['accuracy']:.1f}"
        for one in (found["zero_shot"], found)
    ]
    assert f"ca (target) {' '.join(both)}" in shown
    (line,) = few_shot_lines(document)
    assert "8 labelled rows of each of 2 target languages (es, ca)" in line
    assert few_shot_lines({}) == []


def test_one_row_of_one_target_is_told_as_such() -> None:
    assert told({"rows": 1, "ids": {"sw": ["a"]}}) == (
        "1 labelled row of 1 target language (sw)"
    )


def test_its_weights_are_kept_with_the_run(tuned, tmp_path) -> None:
    experiment, row, (before, after), point, document = tuned
    given = experiment, before, document, point, tmp_path
    with pytest.raises(CheckpointError, match="after few-shot"):
        exported_weights(*given)
    keep(experiment, before, row, tmp_path)
    keep(experiment, after, row, tmp_path)  # of two the later one
    own = (
        jax.tree.leaves(cut_network(experiment, one, row))
        for one in (exported_weights(*given), after)
    )
    for x, y in zip(*own, strict=True):
        np.testing.assert_array_equal(x, y)
    other = {**point, "id": "another"}
    assert exported_weights(*given[:3], other, tmp_path) is before


def test_steps_that_diverge_are_said(tuned, monkeypatch) -> None:
    experiment, row, (before, _), *_ = tuned
    broken = dataclasses.replace(
        before, heads=jax.tree.map(lambda x: x * np.float32(np.nan), before.heads)
    )
    monkeypatch.setattr(tune, "make_train_alone", lambda *_, **__: lambda *_: broken)
    with pytest.raises(DivergedError, match=r"few_shot: the weights must stay finite"):
        tune_on_targets(experiment, broken, row)
