"""An exported network scores as the report said of the architecture it is."""

import jax
import numpy as np
import pytest

from tests.export.tasks import chosen_row, noisy_params, reported, three_tasks
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.export.score import score_subnet
from xlnas_jax.export.slice import slice_subnet

KINDS = ("classification", "tagging", "qa")


@pytest.mark.parametrize("number", range(3), ids=KINDS)
def test_scores_are_those_of_the_report(number):
    experiment, row = three_tasks(), np.asarray(chosen_row(), np.int32)
    part, space, shape = experiment.parts[number], experiment.space, experiment.shape
    sliced = slice_subnet(noisy_params().of_task(part.name), space, row)
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    pooling = str(space.values(row)["pooling"][0])

    scores = score_subnet(sliced, shape, pooling, part.task, data)

    (wanted,) = reported().networks
    columns = [experiment.column(part, code) for code in part.roles.all]
    for column, got in zip(columns, scores, strict=True):
        assert got.metrics == wanted[column].metrics
        np.testing.assert_array_equal(got.items, wanted[column].items)
    assert len({round(one.metrics[part.task.primary], 6) for one in scores}) > 1


def test_a_languages_own_output_layer_takes_part_in_its_scores():
    experiment, row = three_tasks(), np.asarray(chosen_row(), np.int32)
    part, space, shape = experiment.parts[1], experiment.space, experiment.shape
    sliced = slice_subnet(noisy_params().of_task(part.name), space, row)
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    bare = sliced.replace(head=sliced.head.replace(language=None))

    ours, without = (
        score_subnet(one, shape, "mean", part.task, data) for one in (sliced, bare)
    )

    has_changed = [
        bool((a.items != b.items).any()) for a, b in zip(ours, without, strict=True)
    ]
    assert part.roles.all == ("en", "fr", "pt", "sw", "fi")
    assert has_changed == [True, True, False, False, False]
    assert jax.tree.leaves(sliced.head.language)[0].shape[0] == 2


@pytest.mark.parametrize("number", range(3), ids=KINDS)
def test_logits_that_are_not_finite_have_no_score(number):
    experiment, row = three_tasks(), np.asarray(chosen_row(), np.int32)
    part, space, shape = experiment.parts[number], experiment.space, experiment.shape
    sliced = slice_subnet(noisy_params().of_task(part.name), space, row)
    output = jax.tree.map(lambda leaf: leaf * np.nan, sliced.head.output)
    broken = sliced.replace(head=sliced.head.replace(output=output))
    data = scoring_data(experiment, part, part.roles.all, "test", "report")

    for one in score_subnet(broken, shape, "mean", part.task, data):
        assert np.isnan([*one.metrics.values(), *one.items.flat]).all()
