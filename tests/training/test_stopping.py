"""When training ends: scripted losses, and random ones against transformers."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from transformers.trainer_callback import EarlyStoppingCallback

from xlnas_jax.training.stopping import Lowest


def looked(losses: list[float], patience: int, min_delta: float = 0.0) -> Lowest:
    """What is known where training ends, or after the last loss."""
    known = Lowest()
    for loss in losses:
        known = known.told(loss, min_delta)
        assert known.is_now == (known.at == known.looks)
        if known.is_over(patience):
            break
    return known


NAN = math.nan


@pytest.mark.parametrize(
    ("losses", "patience", "min_delta", "looks", "at"),
    [
        ([5, 4, 3, 2, 1], 1, 0.0, 5, 5),
        ([5, 4, 4, 3, 2], 1, 0.0, 3, 2),
        ([5, 4, 4, 3, 2], 2, 0.0, 5, 5),
        ([5, 3, 4, 4, 1], 2, 0.0, 4, 2),
        ([5, 6, 7, 8, 9], 3, 0.0, 4, 1),
        # What is hardly lower is not lower; a little at a time adds up, though.
        ([5, 4.9, 4.8, 4.7, 1], 3, 0.5, 4, 1),
        ([5, 4.8, 4.4, 4.3, 3.8], 2, 0.5, 5, 5),
        ([5, NAN, NAN, 1], 2, 0.0, 3, 1),
        ([5, NAN, 4, NAN, 3], 2, 0.0, 5, 5),
        ([NAN, NAN, NAN], 9, 0.0, 3, 0),
        ([math.inf, 5, 4], 2, 0.0, 3, 3),
    ],
)
def test_it_ends_where_patience_does(losses, patience, min_delta, looks, at) -> None:
    known = looked([float(loss) for loss in losses], patience, min_delta)
    assert (known.looks, known.at) == (looks, at)
    assert known.value == (losses[at - 1] if at else math.inf)


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_random_losses_end_where_those_of_transformers_do(patience: int) -> None:
    rng = np.random.default_rng(patience)
    for losses in rng.normal(size=(50, 12)).tolist():
        callback = EarlyStoppingCallback(patience)
        state = SimpleNamespace(best_metric=None)
        control = SimpleNamespace(should_training_stop=False)
        args = SimpleNamespace(metric_for_best_model="loss", greater_is_better=False)
        expected = 0
        for loss in losses:
            expected += 1
            callback.on_evaluate(args, state, control, {"eval_loss": loss})
            best = state.best_metric
            state.best_metric = loss if best is None else min(best, loss)
            if control.should_training_stop:
                break
        known = looked(losses, patience)
        assert known.looks == expected
        assert known.at == 1 + int(np.argmin(losses[:expected]))
