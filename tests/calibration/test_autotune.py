import jax
import pytest

from tests.experiments import tiny_config
from xlnas_jax.calibration import autotune as module
from xlnas_jax.calibration.autotune import autotune, pin
from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.experiment.arrays import heldout_data
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.types import ConfigError


@pytest.fixture(scope="module")
def experiment():
    return prepare(tiny_config(evaluate=EvaluateConfig(form="auto")))


@pytest.fixture(scope="module")
def heldout(experiment):
    return heldout_data(experiment)


def given(speeds):
    """In place of a clock: candidates a second of each form that is tried, in turn."""
    left = iter(speeds)

    def time(run, num, fastest):
        speed = next(left)
        if speed is None:
            return None
        return {"candidates_per_second": speed, "compile_seconds": 0.0}

    return time


def test_it_times_both_forms_on_the_searchs_own_data(experiment, heldout):
    found = autotune(experiment, heldout)
    speeds = {
        (one["form"], one["chunk"]): one["candidates_per_second"]
        for one in found["tried"]
    }
    assert {form for form, _ in speeds} == {"sliced", "masked"}
    assert all(speed > 0 for speed in speeds.values())
    assert speeds[found["form"], found["chunk"]] == max(speeds.values())
    assert found["device"] == jax.devices()[0].device_kind


@pytest.mark.parametrize(
    ("speeds", "best", "num_tried"),
    [
        # Slower than sliced, but growing; no larger chunk than the population of 6.
        ([12.0, 5.0], ("sliced", 1), 2),
        ([12.0, 20.0], ("masked", 4), 2),
        # Masked needs more memory than there is.
        ([12.0, None], ("sliced", 1), 1),
        ([None, 3.0], ("masked", 4), 1),
    ],
)
def test_the_fastest_that_fits_wins(
    experiment, heldout, monkeypatch, speeds, best, num_tried
):
    monkeypatch.setattr(module, "_time", given(speeds))
    found = autotune(experiment, heldout)
    assert (found["form"], found["chunk"]) == best
    assert len(found["tried"]) == num_tried


def test_larger_chunks_are_tried_while_they_are_faster(heldout, monkeypatch):
    config = tiny_config(evaluate=EvaluateConfig(form="auto"))
    search = module.dataclasses.replace(config.search, population=64)
    wide = prepare(module.dataclasses.replace(config, search=search))
    monkeypatch.setattr(module, "_time", given([12.0, 10.0, 30.0, 20.0]))
    found = autotune(wide, heldout)
    assert [one["chunk"] for one in found["tried"]] == [1, 4, 16, 64]
    assert (found["form"], found["chunk"]) == ("masked", 16)


def test_where_nothing_fits_the_option_to_change_is_named(
    experiment, heldout, monkeypatch
):
    monkeypatch.setattr(module, "_time", given([None, None]))
    with pytest.raises(ConfigError, match=r"evaluate\.batch_tokens"):
        autotune(experiment, heldout)


def test_only_a_lack_of_memory_is_passed_over():
    def fail(text):
        def run():
            raise jax.errors.JaxRuntimeError(text)

        return run

    assert module._time(fail("RESOURCE_EXHAUSTED: out of memory"), 4, 0.0) is None
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        module._time(fail("INTERNAL: something else"), 4, 0.0)


def test_a_pinned_experiment_scores_in_the_chosen_form(experiment):
    pinned = pin(experiment, {"form": "masked", "chunk": 16, "device": "any"})
    assert pinned.config.evaluate.form == "masked"
    assert pinned.config.evaluate.chunk == 16
    assert pinned.space == experiment.space
