import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.transfer import TransferConfig
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.objectives.objectives import make_objectives, needs_of, objective_matrix
from xlnas_jax.types import ConfigError

METRICS = {
    "error": jnp.asarray([[0.1, 0.5], [0.3, 0.2]]),
    "loss": jnp.asarray([[1.0, 2.0], [4.0, 0.0]]),
}
COSTS = {"flops": jnp.asarray([7.0, 9.0]), "params": jnp.asarray([1.0, 2.0])}
ROLES = LanguageRoles.from_config(
    LanguagesConfig(
        source="en", aux_train=("fr",), aux_heldout=("por_Latn", "it"), target=("es",)
    )
)
ONE = {"task": ROLES}
# The other task has its languages in another order, and one of its own.
TWO = {
    "topics": ROLES,
    "names": LanguageRoles("en", (), ("it", "da"), ("es", "de")),
}
# A column for the source follows those of the auxiliary languages.
WITH_SOURCE = {
    "error": jnp.asarray([[0.1, 0.5, 0.9], [0.3, 0.2, 0.9]]),
    "loss": jnp.asarray([[1.0, 2.0, 0.5], [4.0, 0.0, 3.0]]),
    "alignment": jnp.asarray([[0.2, 0.6], [1.0, 0.5]]),
}


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


@pytest.mark.parametrize("spelling", ["it", "ita", "ita_Latn", "task/it"])
def test_one_language_can_be_an_objective_in_any_spelling(spelling):
    objectives = make_objectives((f"error:{spelling}", "loss:pt"), ONE)
    assert [one.name for one in objectives] == [f"error:{spelling}", "loss:pt"]
    matrix = objective_matrix(objectives, [METRICS], COSTS)
    np.testing.assert_allclose(matrix, [[0.5, 1.0], [0.2, 4.0]])


def test_a_language_of_several_tasks_is_their_mean_or_that_of_a_named_one():
    other = {name: 10 * values for name, values in METRICS.items()}
    names = ("loss:it", "loss:topics/it", "loss:names/it", "loss:names/da")
    matrix = objective_matrix(make_objectives(names, TWO), [METRICS, other], COSTS)
    expected = [[6.0, 2.0, 10.0, 20.0], [20.0, 0.0, 40.0, 0.0]]
    np.testing.assert_allclose(matrix, expected)


TERMS = {
    # Losses are 1.5 and 2.0, those of the source 0.5 and 3.0, alignment 0.4 and 0.75.
    "loss alone": (TransferConfig(gap_weight=0.0, alignment_weight=0.0), (1.5, 2.0)),
    "gap": (TransferConfig(gap_weight=2.0, alignment_weight=0.0), (1.5 + 2 * 1.0, 2.0)),
    "margin": (
        TransferConfig(gap_weight=2.0, gap_margin=0.75, alignment_weight=0.0),
        (1.5 + 2 * 0.25, 2.0),
    ),
    "alignment": (
        TransferConfig(gap_weight=0.0, alignment_weight=4.0),
        (1.5 + 4 * 0.6, 2.0 + 4 * 0.25),
    ),
    "all": (
        TransferConfig(gap_weight=2.0, gap_margin=0.75, alignment_weight=4.0),
        (1.5 + 2 * 0.25 + 4 * 0.6, 2.0 + 4 * 0.25),
    ),
}


@pytest.mark.parametrize("terms", TERMS)
def test_the_transfer_loss_has_the_terms_that_are_switched_on(terms):
    transfer, expected = TERMS[terms]
    objectives = make_objectives(
        ("transfer_loss", "loss", "worst_error"), ONE, transfer
    )
    has_source = "source" in needs_of(objectives)
    assert has_source == (transfer.gap_weight > 0)
    assert ("alignment" in needs_of(objectives)) == (transfer.alignment_weight > 0)
    metrics = WITH_SOURCE if has_source else WITH_SOURCE | METRICS
    matrix = objective_matrix(objectives, [metrics], COSTS)
    np.testing.assert_allclose(matrix[:, 0], expected, rtol=1e-6)
    # The source takes no part in the others.
    np.testing.assert_allclose(matrix[:, 1:], [[1.5, 0.5], [2.0, 0.3]], rtol=1e-6)


def test_the_gap_is_taken_of_each_task_by_itself():
    """Elsewhere a source that is worse than all others would hide a gap."""
    transfer = TransferConfig(gap_weight=1.0, alignment_weight=0.0)
    (objective,) = make_objectives(("transfer_loss",), TWO, transfer)
    gap = {"loss": jnp.asarray([[3.0, 3.0, 1.0]])}
    none = {"loss": jnp.asarray([[1.0, 1.0, 9.0]])}
    np.testing.assert_allclose(objective.value([gap, none], {}), [(3 + 2 + 1) / 2])


def test_nothing_is_needed_where_no_objective_is_the_transfer_loss():
    objectives = make_objectives(("loss", "loss:pt", "flops"), ONE, TransferConfig())
    assert needs_of(objectives) == frozenset()


def test_only_means_can_be_estimated_from_some_examples():
    transfer = TransferConfig(gap_weight=1.0, alignment_weight=0.0)
    names = ("error", "loss:pt", "worst_loss", "transfer_loss")
    objectives = make_objectives(names, ONE, transfer)
    assert [one.is_mean for one in objectives] == [True, True, False, False]
    off = TransferConfig(gap_weight=0.0, alignment_weight=0.0)
    assert make_objectives(("transfer_loss",), ONE, off)[0].is_mean


def test_costs_may_be_any_that_are_known():
    names = ("loss", "watts")
    objectives = make_objectives(names, ONE, costs=("watts",))
    matrix = objective_matrix(objectives, [METRICS], {"watts": jnp.asarray([3.0, 4.0])})
    np.testing.assert_allclose(matrix[:, 1], [3.0, 4.0])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("eror",), "'eror' is unknown"),
        (("flops", "error"), "the first must be a transfer score"),
        ((), "the first must be a transfer score"),
        (("error", "error"), "names must differ"),
        (("loss:pt", "loss:task/por"), "names must differ"),
        (("loss:es",), "target language: its labels are read once.*pt, it"),
        (("loss:spa_Latn",), "'es' is a target language"),
        (("error:en",), "weights learn from.*Auxiliary are pt, it"),
        (("error:fr",), "weights learn from"),
        (("error:de",), "'de' is no language of these tasks.*pt, it"),
        (("error:",), "no language of these tasks"),
        (("error:xx-broken-code",), "no language of these tasks"),
        (("error:names/pt",), "names a task that is not there.*are task"),
        (("worst_error:pt",), "'worst_error:pt' is unknown"),
    ],
)
def test_objectives_that_make_no_sense_are_refused(names, message):
    with pytest.raises(ConfigError, match=message):
        make_objectives(names, ONE)
