"""What every benchmark shares: interleaved repeats, their summary, the machine's peak.

A shared machine is never quiet: two things timed one after the other may differ by
more than the two differ. So everything compared is run in turn within one process,
the order rotated each time, and what is reported is the median of ratios of runs
that stood next to each other.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.environment import environment
from xlnas_jax.files import write_json

ROOT = Path(__file__).resolve().parents[1]
# Square products, and those that encoders make: tokens x width x inner width.
PEAK_SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 768, 3072))
_PEAK_SECONDS = 0.3


def command_of(module: str) -> list[str]:
    """Starts a module of `benchmarks` in a process of its own, with `surroundings`."""
    return [sys.executable, "-m", f"benchmarks.{module}"]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of such a process: this checkout is the first it imports from."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of every function, called in turn, in an order that rotates.

    Args:
        functions: each returns when its work is done; a JAX array that one returns
            is waited for within its time.
        warm_up: calls of each before the first that counts.
    """
    for _ in range(warm_up):
        for function in functions.values():
            jax.block_until_ready(function())
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    names = list(functions)
    for repeat in range(repeats):
        turn = repeat % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            jax.block_until_ready(functions[name]())
            seconds[name].append(time.perf_counter() - start)
    return seconds


def summary(values: Sequence[float]) -> dict[str, float | int]:
    """Median, extremes and number of repeats."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "repeats": len(values),
    }


def ratios(
    numerators: Sequence[float], denominators: Sequence[float]
) -> dict[str, float | int]:
    """Summary of the ratios of runs that stood in the same repeat."""
    return summary([a / b for a, b in zip(numerators, denominators, strict=True)])


def matmul_peak(dtype: str = "float32") -> float:
    """FLOP/s of the best of a few matrix products: what this machine can reach.

    The median of each shape, so that neither a lucky nor a disturbed call decides.
    """
    return max(_matmul_rate(shape, dtype) for shape in PEAK_SHAPES)


def _matmul_rate(shape: tuple[int, int, int], dtype: str) -> float:
    m, k, n = shape
    key_a, key_b = jax.random.split(jax.random.key(0))
    a = jax.random.normal(key_a, (m, k), jnp.float32).astype(dtype)
    b = jax.random.normal(key_b, (k, n), jnp.float32).astype(dtype)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, b))
    seconds: list[float] = []
    while sum(seconds) < _PEAK_SECONDS or len(seconds) < 5:
        start = time.perf_counter()
        jax.block_until_ready(product(a, b))
        seconds.append(time.perf_counter() - start)
    return 2 * m * k * n / statistics.median(seconds)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has: `--out`, `--quick`, `--repeats`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON file; printed without")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try it")
    parser.add_argument("--repeats", type=int, default=5)
    return parser


def write(
    out: Path | None, question: str, command: str, result: dict[str, Any]
) -> None:
    """Writes question, command, environment and result as JSON; prints it without."""
    document = {
        "question": question,
        "command": command,
        "environment": environment(),
        **result,
    }
    if out is None:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        write_json(out, document)
