"""Candidates trained for a few steps, each alone, before they are scored.

As it is cut out of the shared weights a network says little of what training makes of
it: what was cut moves all that follows. A few steps mend that, and then networks rank
much as they do at the end. It costs many forward passes, so that fewer are scored.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from xlnas_jax.evaluation.population import Evaluate
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.alone import TrainAlone, make_train_alone
from xlnas_jax.search.teacher import Rows
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.types import Evaluation


def make_tune(experiment: Experiment, rows: Rows) -> TrainAlone | None:
    """What trains a candidate as far as it is scored; None where none is trained."""
    settings = experiment.config.evaluate.tuning
    return None if settings is None else make_train_alone(experiment, rows, settings)


def make_tuned_evaluate(tune: TrainAlone, evaluate: Evaluate) -> Evaluate:
    """Scores every candidate by weights of its own, which are not kept.

    What it says of a candidate it says again without training it, as long as it is
    given the same weights: where rounds train nothing, all that the search has scored
    is known at its end.

    Args:
        evaluate: of weights as they are.
    """
    known: dict[bytes, Any] = {}
    known_of: list[SharedParams] = []

    def score(params: SharedParams, row: Int[np.ndarray, " site"], size: int) -> Any:
        # A full table: what scores populations is compiled already.
        table = np.repeat(row[None], size, axis=0)
        own = evaluate(tune(params, row), table, 1)
        first = jax.tree.map(lambda leaf: leaf[:1], (own.statistics, own.alignment))
        # One after another: the weights of all would not fit.
        return jax.block_until_ready(first)

    def run(
        params: SharedParams, indices: Int[np.ndarray, "pop site"], num: int
    ) -> Evaluation:
        if not known_of or known_of[0] is not params:
            known.clear()
            known_of[:] = [params]
        found = []
        for row in np.asarray(indices, np.int32)[:num]:
            name = row.tobytes()
            if name not in known:
                known[name] = score(params, row, len(indices))
            found.append(known[name])

        def joined(*parts: Array) -> Array:
            kept = jnp.concatenate(parts)
            return jnp.pad(kept, [(0, len(indices) - num), *[(0, 0)] * (kept.ndim - 1)])

        statistics, alignment = jax.tree.map(joined, *found)
        return Evaluation(statistics, np.ones(len(indices), bool), alignment)

    return run
