"""How well is the latency of networks predicted, and how long does that take?

Networks of the shape of MiniLM (6 layers of width 384, random weights) are measured in
the form that is exported; a table is fitted to half of them and predicts the others,
as before a search that limits latency (`cost`, `constraints.latency_ms`). The margin
is what predictions get before they are held against a limit.

- error and Kendall's tau-b of predictions for held-out networks;
- noise: how far a second measurement of the held-out networks strays from the first,
  in the mean: no prediction can be expected to be better;
- held: of the held-out networks, the share whose second measurement is within their
  prediction and its margin;
- seconds that measuring takes, compilation included.

    python -m benchmarks.speed.latency --out benchmarks/results/latency.json
"""

import argparse
import functools
from typing import Any

import jax
import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import at_least, at_most, report
from benchmarks.speed import problems
from benchmarks.speed.problems import make_problem
from xlnas_jax.calibration.latency.fit import MAX_MAPE, MIN_TAU
from xlnas_jax.calibration.latency.measure import measure_latency
from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.calibration.latency.record import make_record, table_of
from xlnas_jax.config.cost import CostConfig
from xlnas_jax.space.latency import NS_PER_MS

SHAPE = "6x384"
TOKENS = ("1x64", "16x64")


def main() -> None:
    """Measures every number of tokens."""
    parser = arguments(__doc__)
    parser.add_argument("--shape", choices=list(problems.SIZES))
    parser.add_argument("--tokens", nargs="+", help="inputs x tokens each")
    parser.add_argument("--networks", type=int, help="measured, half of them held out")
    given = parser.parse_args()
    given.shape = given.shape or ("tiny" if given.quick else SHAPE)
    networks = 8 if given.quick else CostConfig().latency_networks
    given.networks = given.networks or networks
    sizes = given.tokens or (("1x8",) if given.quick else TOKENS)
    cases = [measure(given, size) for size in sizes]
    result = {
        "shape": given.shape,
        "backend": jax.default_backend(),
        "cases": cases,
        "bars": [bar for case in cases for bar in bars(case)],
    }
    report(given.out, __doc__, result)


def measure(given: argparse.Namespace, size: str) -> dict[str, Any]:
    """One record, and the held-out networks once more."""
    batch, length = map(int, size.split("x"))
    problem = make_problem(given.shape, batch, length, population=1)
    params, space = problem.params.of_task(problems.NAME), problem.space
    timer = functools.partial(
        measure_latency,
        params,
        space,
        problem.shape,
        batch_size=batch,
        length=length,
    )
    record = make_record(problem.costs, timer, given.networks)
    first = np.asarray([one["latency_ms"] for one in record["networks"]])
    held_out = np.asarray([one["is_held_out"] for one in record["networks"]])
    rows = draw_networks(space, given.networks)[held_out]
    again = timer(rows)
    predicted = table_of(space, record)(space, rows) / NS_PER_MS
    return {
        "tokens": size,
        **record,
        "batch_size": batch,
        "smallest_ms": float(first[0]),
        "full_ms": float(first[1]),
        "noise": float(np.abs(again / first[held_out] - 1).mean()),
        "held": float((again <= predicted * (1 + record["margin"])).mean()),
    }


def bars(case: dict[str, Any]) -> list[dict[str, Any]]:
    """What was asked for, beside what was found."""
    tokens = f"{case['tokens']} tokens"
    tau = 0.0 if case["tau"] is None else case["tau"]
    return [
        at_most(f"error of held-out networks, {tokens}", MAX_MAPE, case["mape"]),
        at_least(f"Kendall's tau-b of held-out networks, {tokens}", MIN_TAU, tau),
    ]


if __name__ == "__main__":
    main()
