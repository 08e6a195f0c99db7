"""Is a step of all weights as fast as PyTorch's, and in which precision is it faster?

Loss, gradients, clipping and AdamW, without dropout, in one process with PyTorch's on
the same weights and tokens, each in turn; the share of the peak is that of plain
matrix products of the same precision between them.

    python -m benchmarks.speed.weight_step --out benchmarks/results/weight_step.json
"""

import dataclasses
import math
import os
from typing import Any

# Threads of PyTorch that wait must not take the cores from what is at work.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from benchmarks.harness import arguments
from benchmarks.reporting import Bar, at_most, report
from benchmarks.speed.gpu_cases import LARGE, TOY_SIZES, Plan, trained

# multilingual-e5-small's, and that of XLM-R base.
SMALL = dataclasses.replace(
    LARGE, name="12x384", width=384, ffn_size=1536, ffn=(512, 1024, 1536)
)
SIZES = tuple((one, 2, 32, 64) for one in (SMALL, LARGE))
BAR = 1.0


def main() -> None:
    """Times every encoder."""
    parser = arguments(__doc__)
    given = parser.parse_args()
    repeats = min(given.repeats, 2) if given.quick else given.repeats
    plan = Plan(given.quick, repeats, math.inf)
    sizes = TOY_SIZES if given.quick else SIZES
    cases = [trained(plan, size, kinds=("full",)) for size in sizes]
    bars = [bar for case in cases for bar in bars_of(case)]
    report(given.out, __doc__, {"cases": cases, "bars": bars})


def bars_of(case: dict[str, Any]) -> list[Bar]:
    """Of fp32, which is what both are asked for."""
    return [
        at_most(f"{row['precision']} over PyTorch's, {case['case']}", BAR, ratio)
        for row in case["steps"]
        if row["precision"] == "fp32"
        and (ratio := row.get("over_torch", {}).get("median")) is not None
    ]


if __name__ == "__main__":
    main()
