"""Whether scoring in bf16 ranks candidates as fp32 does.

Half precision is twice as fast or more on accelerators, and wrong in the third digit.
A search needs the order of its candidates, not their scores, so the two orders are
compared before the first population is scored.
"""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.finish import Rescore
from xlnas_jax.search.search import Engine
from xlnas_jax.supernet.params import SharedParams

CANDIDATES = 200
MIN_TAU = 0.98


def with_precision(experiment: Experiment, precision: str) -> Experiment:
    """The same experiment, scored in `fp32` or `bf16`."""
    evaluate = dataclasses.replace(experiment.config.evaluate, precision=precision)
    return experiment.with_evaluate(evaluate)


def compare_precisions(
    experiment: Experiment,
    exact: Engine,
    fast: Engine,
    params: SharedParams,
    num: int = CANDIDATES,
) -> dict[str, Any]:
    """Kendall's tau-b between the transfer scores of two engines.

    Args:
        exact: scores in fp32. fast: in bf16.
        num: random feasible candidates to compare.

    Returns:
        Plain values for `measured.json`: `tau`, `candidates`, `accepted` and the
        `precision` to score in; tau is None where all candidates score alike.

    References:
        Kendall, "The treatment of ties in ranking problems", 1945.
        https://doi.org/10.1093/biomet/33.3.239
    """
    rows = draw_feasible(experiment, num, "agree")
    one, other = (
        Rescore(experiment, engine, params, as_is=True)(rows).objectives[:, 0]
        for engine in (exact, fast)
    )
    tau = _tau(one, other)
    is_accepted = tau is not None and tau >= MIN_TAU
    return {
        "tau": tau,
        "candidates": len(rows),
        "accepted": is_accepted,
        "precision": "bf16" if is_accepted else "fp32",
    }


def _tau(
    one: Float[np.ndarray, " pop"], other: Float[np.ndarray, " pop"]
) -> float | None:
    # Imported late: it takes a quarter of a second, and few runs need it.
    from scipy.stats import kendalltau

    result: Any = kendalltau(one, other)
    found = float(result.statistic)
    return None if np.isnan(found) else found
