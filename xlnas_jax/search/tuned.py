"""Candidates trained for a few steps, each alone, before they are scored.

As it is cut out of the shared weights a network says little of what training makes of
it: what was cut moves all that follows. A few steps mend that, and then networks rank
much as they do at the end. It costs many forward passes, so that fewer are scored.
"""

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
    if settings is None:
        return None
    given = settings.steps, settings.learning_rate
    exponent = settings.rate_exponent
    return make_train_alone(experiment, rows, *given, rate_exponent=exponent)


def make_tuned_evaluate(tune: TrainAlone, evaluate: Evaluate) -> Evaluate:
    """Scores every candidate by weights of its own, which are not kept.

    Args:
        evaluate: of weights as they are.
    """

    def run(
        params: SharedParams, indices: Int[np.ndarray, "pop site"], num: int
    ) -> Evaluation:
        found = []
        for row in np.asarray(indices)[:num]:
            # A full table: what scores populations is compiled already.
            table = np.repeat(row[None], len(indices), axis=0)
            own = evaluate(tune(params, row), table, 1)
            # One after another: the weights of all would not fit.
            found.append(jax.block_until_ready((own.statistics, own.alignment)))

        def joined(*parts: Array) -> Array:
            kept = jnp.concatenate([part[:1] for part in parts])
            return jnp.pad(kept, [(0, len(indices) - num), *[(0, 0)] * (kept.ndim - 1)])

        statistics, alignment = jax.tree.map(joined, *found)
        return Evaluation(statistics, np.ones(len(indices), bool), alignment)

    return run
