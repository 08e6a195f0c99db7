"""What `gpu.py` times: ours beside PyTorch and the peak, on the same tensors."""

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

import jax
import numpy as np
from cases import SETTINGS, TINY, Made, Setting, synthetic
from ours import Ours, make_batches

from benchmarks.harness import ratios, summary
from benchmarks.speed import problems, training
from benchmarks.speed.problems import Problem
from benchmarks.speed.roofline import in_turn, make_peaks
from xlnas_jax.supernet.families.registry import shape_from
from xlnas_jax.supernet.params import SharedParams

FORMS, PRECISIONS = ("sliced", "masked"), ("fp32", "bf16")
SMALL, LARGE = SETTINGS[0], SETTINGS[2]
# Candidates, sentences and tokens each.
SIZES = ((SMALL, 256, 64, 64), (LARGE, 64, 256, 64))
TOY_SIZES = ((TINY, 4, 4, 8),)
PARITY_SIZE = (8, 8, 64)
CHUNK = 32


class TimeUpError(Exception):
    """The time that was given is over."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        until: when nothing more is begun, on the monotonic clock.
    """

    is_quick: bool
    repeats: int
    until: float

    @property
    def sizes(self) -> tuple[tuple[Setting, int, int, int], ...]:
        """Of each case, the encoder, candidates, sentences and tokens each."""
        return TOY_SIZES if self.is_quick else SIZES

    @property
    def parity(self) -> tuple[int, int, int]:
        """Candidates, sentences and tokens each that logits are compared on."""
        return TOY_SIZES[0][1:] if self.is_quick else PARITY_SIZE

    def require_time(self) -> None:
        """An error once the time is over."""
        if time.monotonic() > self.until:
            raise TimeUpError


def make_case(size: tuple[Setting, int, int, int]) -> Made:
    """Random weights, candidates and sentences."""
    setting, candidates, sentences, tokens = size
    return synthetic(
        dataclasses.replace(setting, candidates=candidates), sentences, tokens
    )


def make_systems(case: Any) -> dict[tuple[str, str], Any]:
    """Ours in every form and precision, and PyTorch's loop in both."""
    systems: dict[tuple[str, str], Any] = {
        (form, precision): Ours(
            case, {"form": form, "precision": precision, "chunk": CHUNK}
        )
        for precision in PRECISIONS
        for form in FORMS
    }
    if torch_version() is not None:
        for precision in PRECISIONS:
            options = {"device": _torch_device(), "precision": precision}
            systems["PyTorch loop", precision] = _torch_loop(case, options)
    return systems


def measure_parity(plan: Plan) -> list[dict[str, Any]]:
    """Largest differences of logits to PyTorch's on the CPU, in every form."""
    cases = []
    for setting, *_ in plan.sizes:
        plan.require_time()
        made = make_case((setting, *plan.parity))
        loop = _torch_loop(made.case, {})
        expected = loop.work()["logits"]
        found = {}
        for form in FORMS:
            for name, precision, products in (
                ("fp32", "fp32", "highest"),
                ("fp32, as the device likes", "fp32", "default"),
                ("bf16", "bf16", "default"),
            ):
                options = {"form": form, "precision": precision, "chunk": CHUNK}
                with jax.default_matmul_precision(products):
                    system = Ours(made.case, options)
                    logits = system.outputs(system.work())["logits"]
                found[f"{form}, {name}"] = float(np.abs(logits - expected).max())
        largest = float(np.abs(expected).max())
        cases.append({"case": made.name, "largest": largest, "differences": found})
    return cases


def measure_scoring(plan: Plan) -> list[dict[str, Any]]:
    """Candidates a second, shares of the peak, and ratios to PyTorch's loop."""
    return [_scored(plan, size) for size in plan.sizes]


def _scored(plan: Plan, size: tuple[Setting, int, int, int]) -> dict[str, Any]:
    plan.require_time()
    made = make_case(size)
    systems = make_systems(made.case)
    functions = {system: made_of.work for system, made_of in systems.items()}
    seconds, peaks = _with_peaks(plan, functions)
    problem, num = problem_of(made), len(made.flops)
    asked, rows = float(made.flops.sum()), {}
    for (form, precision), taken in seconds.items():
        done = asked
        if form in FORMS:
            done = problems.flops_done(problem, form, CHUNK)
        rates = [done / s for s in taken]
        row = {
            "form": form,
            "precision": precision,
            "candidates_per_second": summary([num / s for s in taken]),
            "flops_per_second_done": summary(rates),
            "share_of_peak_done": ratios(rates, peaks[precision]),
        }
        if form in FORMS and ("PyTorch loop", precision) in seconds:
            loop = seconds["PyTorch loop", precision]
            row["times_the_loop"] = ratios(loop, taken)
        rows[f"{form}, {precision}"] = row
    return {
        "case": made.name,
        "candidates": num,
        "shared_work": made.shared,
        "peak": {name: summary(rates) for name, rates in peaks.items()},
        "systems": list(rows.values()),
    }


def measure_training(plan: Plan) -> list[dict[str, Any]]:
    """Seconds of a step of the full network, beside PyTorch's, and of a sandwich."""
    return [trained(plan, size) for size in plan.sizes]


def trained(
    plan: Plan,
    size: tuple[Setting, int, int, int],
    kinds: tuple[str, ...] = ("full", "sandwich"),
) -> dict[str, Any]:
    """Steps of one encoder in both precisions, beside PyTorch's and the peak."""
    plan.require_time()
    made = make_case(size)
    problem = problem_of(made)
    functions: dict[tuple[str, str], Callable[[], object]] = {}
    losses, work = {}, training.step_flops(problem)
    for precision in PRECISIONS:
        for kind in kinds:
            step = training.make_step(
                problem, precision, kind, branches=True, layers=False, dropout=0.0
            )
            if kind == "full":
                losses[f"full, {precision}"] = step.first_loss
            functions[kind, precision] = step.run
        if torch_version() is not None:
            other = _torch_step(made.case, precision)
            losses[f"PyTorch, {precision}"] = other.run()
            functions["PyTorch", precision] = other.run
    seconds, peaks = _with_peaks(plan, functions)
    rows = []
    for (kind, precision), taken in seconds.items():
        flops = work["sandwich" if kind == "sandwich" else "full"]
        shares = ratios([flops / s for s in taken], peaks[precision])
        row = {"step": kind, "precision": precision, "seconds": summary(taken)}
        row["share_of_peak"] = shares
        if kind == "full" and ("PyTorch", precision) in seconds:
            row["over_torch"] = ratios(taken, seconds["PyTorch", precision])
        rows.append(row)
    return {"case": made.name, "first_losses": losses, "steps": rows}


def _with_peaks(plan: Plan, functions: dict[tuple[str, str], Any]) -> tuple[Any, Any]:
    """Seconds of each function, and of each repeat the best product by precision."""
    timed: dict[Any, Any] = {**functions}
    flops: dict[Any, int] = {}
    for precision in {precision for _, precision in functions}:
        products, work = make_peaks(precision, plan.is_quick)
        for name, product in products.items():
            timed[name, precision] = product
            flops[name, precision] = work[name]
    seconds = in_turn(timed, plan.repeats)
    peaks = {
        precision: [
            max(flops[key] / seconds[key][turn] for key in flops if key[1] == precision)
            for turn in range(plan.repeats)
        ]
        for precision in {key[1] for key in flops}
    }
    return {key: seconds[key] for key in functions}, peaks


def problem_of(made: Made) -> Problem:
    """The case as the library's own benchmarks take it: all sentences in one batch."""
    case = made.case
    system = Ours(case, {"form": "sliced", "chunk": CHUNK})
    shape = shape_from(case.shape)
    heads = {problems.NAME: system.params.head}
    batches = make_batches(case, case.language, {"batch_tokens": case.ids.size})
    return Problem(
        shape,
        system.space,
        system.task,
        SharedParams(encoder=system.params.encoder, heads=heads),
        batches,
        case.rows,
    )


def torch_version() -> str | None:
    try:
        import torch
    except ImportError:
        return None
    return torch.__version__


def _torch_device() -> str:
    return "cuda" if jax.default_backend() == "gpu" else "cpu"


def _torch_loop(case: Any, options: dict[str, Any]) -> Any:
    import torch
    from torch_loop import TorchLoop

    torch.set_float32_matmul_precision("high")
    return TorchLoop(case, {"batch_sizes": [len(case.ids)], **options})


def _torch_step(case: Any, precision: str) -> Any:
    from torch_step import TorchStep

    return TorchStep(case, _torch_device(), precision)
