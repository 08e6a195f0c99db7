import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.objectives import make_objectives, objective_matrix
from xlnas_jax.types import ConfigError

METRICS = {
    "error": jnp.asarray([[0.1, 0.5], [0.3, 0.2]]),
    "loss": jnp.asarray([[1.0, 2.0], [4.0, 0.0]]),
}
COSTS = {"flops": jnp.asarray([7.0, 9.0]), "params": jnp.asarray([1.0, 2.0])}


def test_transfer_scores_are_means_or_the_worst_language_and_costs_follow():
    names = ("error", "worst_error", "loss", "worst_loss", "flops", "params")
    matrix = objective_matrix(make_objectives(names), [METRICS], COSTS)
    expected = [[0.3, 0.5, 1.5, 2.0, 7.0, 1.0], [0.25, 0.3, 2.0, 4.0, 9.0, 2.0]]
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)


def test_tasks_count_alike_however_many_languages_they_have():
    other = {name: values[:, :1] for name, values in METRICS.items()}
    objectives = make_objectives(("error", "worst_error"))
    matrix = objective_matrix(objectives, [METRICS, other], COSTS)
    # Means of 0.3 and 0.1, and of 0.25 and 0.3; the worst is over all of them.
    np.testing.assert_allclose(matrix, [[0.2, 0.5], [0.275, 0.3]], rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("eror",), "'eror' is unknown"),
        (("flops", "error"), "the first must be a transfer score"),
        ((), "the first must be a transfer score"),
        (("error", "error"), "names must differ"),
    ],
)
def test_objectives_that_make_no_sense_are_refused(names, message):
    with pytest.raises(ConfigError, match=message):
        make_objectives(names)
