"""Does peak memory stay flat as the population and the number of candidates grow?

What the compiler says a program holds (arguments, outputs, temporaries), and what a
process of its own was seen to hold at most while it scored: its resident memory
(VmHWM of Linux, reset after compilation) less that just before. Then the same
programs again and again, with other candidates each time; and the weight steps with
and without rematerialisation.

    python -m benchmarks.speed.memory --out benchmarks/results/memory.json
"""

import ctypes
import json
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import arguments, command_of, surroundings
from benchmarks.reporting import at_most, report
from benchmarks.speed import training
from benchmarks.speed.problems import (
    SIZES,
    Problem,
    make_problem,
    make_scorer,
    score_arguments,
)
from xlnas_jax.devices.memory import forget_peak, status_bytes
from xlnas_jax.evaluation.prefixes import plan_operations

PARTS = ("scoring", "candidates", "training")
FORMS = ("sliced", "masked")
POPULATIONS, QUICK_POPULATIONS = (8, 32, 128, 512), (4, 16)
CALLS, QUICK_CALLS = (1, 4, 16), (1, 3)
CHUNK = 8
# The whole of a larger population over that of a smaller one.
FLAT_BAR = 1.1
# Resident memory also moves with what the system and the allocator do.
RESIDENT_SLACK_BYTES = 16 * 2**20


def main() -> None:
    """Compiles and runs each program in each size."""
    parser = arguments(__doc__)
    parser.add_argument("--shape", choices=list(SIZES))
    parser.add_argument("--tokens", help="sentences x tokens")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--child", nargs=3, help="used by the benchmark itself")
    given = parser.parse_args()
    shape = given.shape or ("tiny" if given.quick else "6x256")
    size = given.tokens or ("4x8" if given.quick else "16x64")
    batch, seq = map(int, size.split("x"))
    if given.child:
        form, *numbers = given.child
        found = resident(shape, batch, seq, form, *map(int, numbers))
        sys.stdout.write(json.dumps(found))
        return
    populations = QUICK_POPULATIONS if given.quick else POPULATIONS
    calls = QUICK_CALLS if given.quick else CALLS
    result: dict[str, Any] = {"shape": shape, "tokens": size, "chunk": CHUNK}
    if "scoring" in given.parts:
        result["scoring"] = {
            form: [
                {**compiled(shape, batch, seq, form, n), **child(shape, size, form, n)}
                for n in populations
            ]
            for form in FORMS
        }
    if "candidates" in given.parts:
        num = populations[0]
        result["candidates"] = [child(shape, size, FORMS[0], num, n) for n in calls]
    if "training" in given.parts:
        result["training"] = weight_steps(make_problem(shape, batch, seq, 1))
    result["bars"] = bars(result.get("scoring", {}), result.get("candidates", []))
    report(given.out, __doc__, result)


def compiled(
    shape: str, batch: int, seq: int, form: str, population: int
) -> dict[str, int]:
    """Bytes that the compiler says a scoring program holds."""
    problem = make_problem(shape, batch, seq, population)
    params, rows, num, batches = score_arguments(problem)
    plan = np.asarray(num, np.int32)
    if form == "sliced":
        plan = plan_operations(problem.space, rows, num)
    program = make_scorer(problem, form, chunk=CHUNK).program
    return analysed(program, params, jnp.asarray(rows), plan, batches)


def analysed(program: Any, *given: Any) -> dict[str, int]:
    """Bytes of a compiled program, by what they are for."""
    found = program.lower(*given).compile().memory_analysis()
    kinds = {
        "arguments": found.argument_size_in_bytes,
        "outputs": found.output_size_in_bytes,
        "temporaries": found.temp_size_in_bytes,
    }
    # What is donated is counted as an argument and as an output.
    return {**kinds, "compiled": sum(kinds.values()) - found.alias_size_in_bytes}


def child(
    shape: str, size: str, form: str, population: int, calls: int = 1
) -> dict[str, int]:
    """What a process of its own holds at most while it scores."""
    command = [*command_of("speed.memory"), "--shape", shape, "--tokens", size]
    numbers = ["--child", form, str(population), str(calls)]
    done = subprocess.run(
        [*command, *numbers],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=surroundings(),
    )
    return json.loads(done.stdout)


def resident(
    shape: str, batch: int, seq: int, form: str, population: int, calls: int
) -> dict[str, int]:
    """Resident bytes before scoring, and at most during it, after compilation."""
    problem = make_problem(shape, batch, seq, population)
    score = make_scorer(problem, form, chunk=CHUNK)
    params, _, num, batches = score_arguments(problem)
    drawn = [draw(problem, population, turn) for turn in range(calls)]
    jax.block_until_ready(score(params, drawn[0], num, batches))
    ctypes.CDLL(None).malloc_trim(0)  # what compilation left could be used again
    forget_peak()
    before = status_bytes("VmRSS")
    for rows in drawn:
        np.asarray(score(params, rows, num, batches))
    return {
        "population": population,
        "candidates": population * calls,
        "resident_before": before,
        "resident_peak": status_bytes("VmHWM"),
    }


def draw(problem: Problem, population: int, turn: int) -> np.ndarray:
    """Candidates of one round."""
    key = jax.random.fold_in(jax.random.key(2), turn)
    space = problem.space
    return np.asarray(space.flatten(space.sample_valid(key, population)))


def weight_steps(problem: Problem) -> dict[str, dict[str, int]]:
    """Bytes of the weight steps, by what they recompute."""
    variants = {
        "full": ("full", True, False),
        "full, remat of layers": ("full", True, True),
        **{name: ("sandwich", *kind) for name, kind in training.SANDWICHES.items()},
    }
    found = {}
    for name, (kind, branches, layers) in variants.items():
        made = training.make_step_program(problem, "fp32", kind, branches, layers)
        step, learner, rest = made
        found[name] = analysed(step, learner, *rest)
    return found


def bars(scoring: dict[str, Any], candidates: list[dict[str, int]]) -> list[dict]:
    """Flat: what the largest size holds over what the smallest does."""
    found = []
    for form, sizes in scoring.items():
        first, last = sizes[0], sizes[-1]
        growth = last["compiled"] / first["compiled"]
        numbers = f"{last['population']} candidates over {first['population']}"
        found.append(at_most(f"compiled, {form}, {numbers}", FLAT_BAR, growth))
        more = _used(last) - _used(first)
        what = f"resident, {form}, {numbers}, bytes more"
        found.append(at_most(what, RESIDENT_SLACK_BYTES, more))
    if candidates:
        first, last = candidates[0], candidates[-1]
        calls = last["candidates"] // first["candidates"]
        what = f"resident, {calls} populations over one, bytes more"
        more = _used(last) - _used(first)
        found.append(at_most(what, RESIDENT_SLACK_BYTES, more))
    return found


def _used(found: dict[str, int]) -> int:
    return found["resident_peak"] - found["resident_before"]


if __name__ == "__main__":
    main()
