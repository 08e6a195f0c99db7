"""What `front.json` says beside the points."""

import dataclasses

import numpy as np

from tests.experiments import tiny_config
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.document import fronts
from xlnas_jax.results.finish import Scored


def test_every_cost_has_its_own_front_of_points():
    config = tiny_config()
    names = ("error", "worst_error", "flops", "params")
    search = dataclasses.replace(config.search, objectives=names)
    experiment = prepare(dataclasses.replace(config, search=search))
    space = experiment.space
    rows = np.zeros((4, len(space.num_choices)), np.int32)
    rows[:, 0] = 1
    rows[:, space.columns("ffn").start] = [0, 0, 1, 2]
    rows[1, space.columns("pooling").start] = 1
    objectives = np.asarray(
        [
            [0.0, 0.0, 1.0, 1.0],  # a baseline, which is better than all
            [0.2, 0.3, 9.0, 5.0],
            [0.4, 0.4, 7.0, 5.0],
            [0.3, 0.1, 8.0, 6.0],
        ],
        np.float32,
    )
    chosen = Scored(rows, objectives, ())
    ids = [space.identifier(row) for row in rows]

    found = fronts(experiment, chosen, ["full", "point", "point", "point"])

    assert found == {"flops": ids[1:], "params": [ids[1]]}
