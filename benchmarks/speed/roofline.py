"""Which share of the machine's matmul peak do scoring and training reach?

The peak is that of plain matrix products, run in turn with what is held against it.
FLOPs are those of matrix products alone: a product of `m x k` by `k x n` counts
2mkn; softmax, LayerNorm, GELU, lookups and the optimizer count nothing. A backward
pass counts twice its forward pass: two products for each, one for either factor.

- scoring: of the work that was asked for (every candidate by itself), and of the
  work that was done (what candidates share, counted once);
- training: of a step of the full network, forward and backward;
- a sandwich step over the time that its FLOPs would take in steps of the full
  network; recomputation (rematerialisation) is not among the FLOPs, only in the time;
- parts: one full-size half layer, the embedding and the read-out, each by itself;
- tagging and QA against classification of the same tokens, with the same networks.

    python -m benchmarks.speed.roofline --out benchmarks/results/roofline.json

On a GPU, by bfloat16 and the shape of XLM-R base:

    python -m benchmarks.speed.roofline --shapes 12x768 --tokens 256x64 \
        --precision bf16 --population 256 --forms sliced masked:8 masked:32

`gpu.py` is the shorter check, beside PyTorch.
"""

import argparse
import functools
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.harness import PEAK_SHAPES, arguments, interleaved, ratios, summary
from benchmarks.reporting import Bar, at_least, at_most, report
from benchmarks.speed import problems, training
from benchmarks.speed.problems import (
    Problem,
    make_problem,
    make_scorer,
    score_arguments,
)
from xlnas_jax.supernet.stages.attention import attention
from xlnas_jax.supernet.stages.feed_forward import feed_forward
from xlnas_jax.supernet.supernet import DTYPES, make_supernet

SHAPES = ("6x256", "6x384", "12x768")
TOKENS = ("16x16", "64x64")
KINDS = ("classification", "tagging", "qa")
# Large enough to fill an accelerator; far too slow for a CPU.
WIDE_PEAK_SHAPES = ((8192, 8192, 8192), (16384, 4096, 4096))
# Of a peak, products in one program: the time to start it must not count.
CHAINED = {"cpu": 1, "gpu": 16, "tpu": 16}
TURN_SECONDS = 0.2
# (what, shape): the least share of the peak that was asked for.
BARS = {
    ("scoring", "6x256"): 0.65,
    ("scoring", "12x768"): 0.75,
    ("training", "12x768"): 0.60,
}
GPU_BAR = 0.5
SANDWICH_BAR, TASK_BAR = 1.1, 1.15
CHUNK = 8

Timed = dict[str, Callable[[], object]]


def main() -> None:
    """Measures every shape at every number of tokens."""
    parser = arguments(__doc__)
    parser.add_argument("--shapes", nargs="+", choices=list(problems.SIZES))
    parser.add_argument("--tokens", nargs="+", help="sentences x tokens each")
    parser.add_argument("--population", type=int)
    parser.add_argument("--forms", nargs="+", default=["sliced"], help="or masked:8")
    parser.add_argument("--precision", choices=list(DTYPES), default="fp32")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=list(MEASURES),
        default=list(MEASURES),
        help="what to measure",
    )
    given = parser.parse_args()
    shapes = given.shapes or (("tiny",) if given.quick else SHAPES)
    tokens = given.tokens or (("4x8",) if given.quick else TOKENS)
    given.population = given.population or (4 if given.quick else 16)
    given.repeats = 2 if given.quick else given.repeats
    cases = []
    for shape in shapes:
        for size in tokens:
            batch, seq = map(int, size.split("x"))
            case: dict[str, Any] = {"shape": shape, "tokens": size}
            for part in given.parts:
                case[part] = MEASURES[part](given, shape, batch, seq)
            cases.append(case)
    result = {
        "precision": given.precision,
        "population": given.population,
        "backend": jax.default_backend(),
        "cases": cases,
        "bars": [bar for case in cases for bar in bars(case)],
    }
    report(given.out, __doc__, result)


def in_turn(functions: Timed, repeats: int) -> dict[str, list[float]]:
    """Seconds of a call of each; a turn has as many calls as fill `TURN_SECONDS`.

    In a shorter turn a pause of the machine would count for too much, or not at all.
    """
    counts = {}
    for name, function in functions.items():
        jax.block_until_ready(function())
        start = time.perf_counter()
        jax.block_until_ready(function())
        counts[name] = math.ceil(TURN_SECONDS / (time.perf_counter() - start))

    def turn(function: Callable[[], object], count: int) -> None:
        for _ in range(count):
            jax.block_until_ready(function())

    turns = {n: functools.partial(turn, f, counts[n]) for n, f in functions.items()}
    seconds = interleaved(turns, repeats, warm_up=0)
    return {name: [s / counts[name] for s in taken] for name, taken in seconds.items()}


def make_peaks(precision: str, is_quick: bool) -> tuple[Timed, dict[str, int]]:
    """Matrix products to run in turn with the rest, and their FLOPs."""
    backend = jax.default_backend()
    wide = () if backend == "cpu" else WIDE_PEAK_SHAPES
    shapes = ((64, 64, 64),) if is_quick else (*PEAK_SHAPES, *wide)
    chained = CHAINED.get(backend, 1)
    functions: Timed = {}
    flops: dict[str, int] = {}
    for m, k, n in shapes:
        name = f"peak {m}x{k}x{n}"
        functions[name] = _make_product(m, k, n, DTYPES[precision], chained)
        flops[name] = 2 * m * k * n * chained
    return functions, flops


def _make_product(m: int, k: int, n: int, dtype: Any, count: int):
    """`count` products one after another in one program."""
    keys = jax.random.split(jax.random.key(0))
    a = jax.random.normal(keys[0], (m, k), jnp.float32).astype(dtype)
    b = jax.random.normal(keys[1], (k, n), jnp.float32).astype(dtype)
    if count == 1:
        return functools.partial(jax.jit(jnp.matmul), a, b)

    @jax.jit
    def run(a: jax.Array, b: jax.Array) -> jax.Array:
        def once(_: int, a: jax.Array) -> jax.Array:
            # Every product depends on the one before; none can be left out.
            return a.at[0, 0].set((a @ b)[0, 0])

        return jax.lax.fori_loop(0, count, once, a)

    return functools.partial(run, a, b)


def timed(given: argparse.Namespace, functions: Timed, flops: dict[str, int]):
    """Shares of the peak, FLOP/s and seconds of functions run in turn with it."""
    peaks, peak_flops = make_peaks(given.precision, given.quick)
    seconds = in_turn({**functions, **peaks}, given.repeats)
    # Of each repeat the best product; noise must not make the peak look low.
    rates = [
        max(peak_flops[name] / seconds[name][turn] for name in peaks)
        for turn in range(given.repeats)
    ]
    found = {
        name: {
            "seconds": summary(seconds[name]),
            "flops": flops[name],
            "flops_per_second": summary([flops[name] / s for s in seconds[name]]),
            "share_of_peak": ratios([flops[name] / s for s in seconds[name]], rates),
        }
        for name in functions
    }
    return found, seconds, {"flops_per_second": summary(rates)}


def measure_scoring(given: argparse.Namespace, shape: str, batch: int, seq: int):
    """A population of random candidates in every form that was asked for."""
    problem = make_problem(shape, batch, seq, given.population)
    asked = problems.flops_asked(problem)
    functions: Timed = {}
    done = {}
    for form in given.forms:
        name, _, chunk = form.partition(":")
        score = make_scorer(problem, name, given.precision, int(chunk or CHUNK))
        functions[form] = functools.partial(score, *score_arguments(problem))
        done[form] = problems.flops_done(problem, name, int(chunk or CHUNK))
    found, seconds, peak = timed(given, functions, dict.fromkeys(functions, asked))
    for form, facts in found.items():
        rates = [given.population / s for s in seconds[form]]
        facts["candidates_per_second"] = summary(rates)
        facts["flops_done"] = done[form]
        facts["share_of_peak_done"] = {
            key: value if key == "repeats" else value * done[form] / asked
            for key, value in facts["share_of_peak"].items()
        }
    return {"forms": found, "peak": peak}


def measure_training(given: argparse.Namespace, shape: str, batch: int, seq: int):
    """A full step, and sandwich steps with and without rematerialisation."""
    problem = make_problem(shape, batch, seq, 1)
    steps = training.make_steps(problem, given.precision)
    flops = training.step_flops(problem)
    found, seconds, peak = timed(
        given, {name: step.run for name, step in steps.items()}, flops
    )
    for name, facts in found.items():
        if name != "full":
            fair = [s * flops[name] / flops["full"] for s in seconds["full"]]
            facts["time_over_flops_in_full_steps"] = ratios(seconds[name], fair)
    return {"steps": found, "peak": peak}


def measure_parts(given: argparse.Namespace, shape: str, batch: int, seq: int):
    """Full-size half layers, the embedding and the read-out, each in a loop."""
    problem = make_problem(shape, batch, seq, 1)
    functions, flops = make_parts(problem, given.precision)
    found, _, peak = timed(given, functions, flops)
    return {"parts": found, "peak": peak}


def make_parts(problem: Problem, precision: str) -> tuple[Timed, dict[str, int]]:
    """Each part over as many layers as the network has, in one program."""
    shape, batch = problem.shape, jax.tree.map(lambda leaf: leaf[0], problem.batches[0])
    params = problem.params.of_task(problems.NAME)
    supernet = make_supernet(problem.space, shape, "sliced", precision)
    x = jax.jit(supernet.embed)(params.encoder.embeddings, batch)
    arch = problem.space.largest()

    def stack(part: Callable[..., jax.Array]):
        def run(layers: Any, x: jax.Array) -> jax.Array:
            def body(x: jax.Array, layer: Any):
                return part(x, layer), None

            return jax.lax.scan(body, x, layers)[0]

        return functools.partial(jax.jit(run), params.encoder.layers, x)

    def attend(x: jax.Array, layer: Any) -> jax.Array:
        return attention(x, layer, batch.mask, shape)

    def feed(x: jax.Array, layer: Any) -> jax.Array:
        return feed_forward(x, layer, shape)

    def read(x: jax.Array) -> jax.Array:
        return supernet.read_out(params, x, batch, arch)

    work = problems.stage_flops(problem)
    num_heads = len(problem.space.knob("heads").choices)
    rows = batch.tokens.shape[0]
    count = rows * shape.num_layers
    head = problem.costs.heads[0].flops(shape.width, problem.costs.length)
    functions: Timed = {
        "attention": stack(attend),
        "feed-forward": stack(feed),
        "embedding": functools.partial(
            jax.jit(supernet.embed), params.encoder.embeddings, batch
        ),
        "read-out": functools.partial(jax.jit(read), x),
    }
    flops = {
        "attention": count * work[num_heads - 1],
        "feed-forward": count * work[-1],
        "embedding": 0,
        "read-out": rows * head,
    }
    return functions, flops


def measure_tasks(given: argparse.Namespace, shape: str, batch: int, seq: int):
    """The same tokens and candidates for all three tasks, in turn."""
    found = {
        kind: make_problem(shape, batch, seq, given.population, kind=kind)
        for kind in KINDS
    }
    functions: Timed = {
        kind: functools.partial(
            make_scorer(problem, "sliced", given.precision), *score_arguments(problem)
        )
        for kind, problem in found.items()
    }
    seconds = in_turn(functions, given.repeats)
    per_token = found[KINDS[0]].tokens * given.population
    return {
        kind: {
            "seconds_per_candidate_token": summary([s / per_token for s in times]),
            "over_classification": ratios(times, seconds[KINDS[0]]),
        }
        for kind, times in seconds.items()
    }


MEASURES = {
    "scoring": measure_scoring,
    "training": measure_training,
    "parts": measure_parts,
    "tasks": measure_tasks,
}


def bars(case: dict[str, Any]) -> list[Bar]:
    """What was asked for, beside what was found in one case."""
    where = f"{case['shape']}, {case['tokens']} tokens"
    found = []
    for form, facts in case.get("scoring", {}).get("forms", {}).items():
        is_gpu = jax.default_backend() == "gpu"
        least = GPU_BAR if is_gpu else BARS.get(("scoring", case["shape"]))
        if least is not None:
            share = facts["share_of_peak_done"]["median"]
            found.append(_share_bar(f"scoring, {form}, {where}", least, share))
    steps = case.get("training", {}).get("steps", {})
    least = BARS.get(("training", case["shape"]))
    if "full" in steps and least is not None:
        share = steps["full"]["share_of_peak"]["median"]
        found.append(_share_bar(f"full step, {where}", least, share))
    if "sandwich" in steps:
        value = steps["sandwich"]["time_over_flops_in_full_steps"]["median"]
        found.append(at_most(f"sandwich step, {where}", SANDWICH_BAR, value))
    for kind, facts in case.get("tasks", {}).items():
        if kind != KINDS[0]:
            value = facts["over_classification"]["median"]
            found.append(at_most(f"{kind}, {where}", TASK_BAR, value))
    return found


def _share_bar(what: str, least: float, share: float) -> Bar:
    """A bar that nothing above the peak itself can reach."""
    bar = at_least(what, least, share)
    if share > 1.0:
        bar["what"] = f"{what} (above the peak: the machine was not quiet)"
        bar["is_reached"] = False
    return bar


if __name__ == "__main__":
    main()
