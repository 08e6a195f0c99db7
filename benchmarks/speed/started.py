"""Runs an `xlnas` command and writes down when each of its phases ended.

Started by `compile.py` in a process of its own. The command is the real one; of the
functions it calls, some are wrapped so that they leave a mark when they return, and
those of a round wait for their arrays first, as the runner does in its first round.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENTERED = time.time()
KINDS = {
    "/jax/core/compile/backend_compile_duration": "backend",
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
}
CACHE_HIT = "/jax/compilation_cache/cache_hits"
PARTS = ("learn", "propose", "evaluate", "judge", "insert")


class Timeline:
    """Seconds of every phase, and what was compiled in which."""

    def __init__(self, begun: float) -> None:
        """The process is as old as `begun` says."""
        self.begun = self.last = begun
        self.phases: dict[str, float] = {}
        self.compiled: list[dict[str, Any]] = []
        self.since = 0
        self.round = "before"
        self.cache_hits = 0
        self.scoring = None

    def mark(self, phase: str) -> None:
        """Ends a phase: what happened since the last mark belongs to it."""
        now = time.time()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self.last
        for event in self.compiled[self.since :]:
            event["phase"] = phase
            if phase == "finish":
                event["round"] = "after"
        self.last, self.since = now, len(self.compiled)

    def heard(self, event: str, seconds: float, **facts: Any) -> None:
        """Keeps what JAX says of its compilations."""
        if event in KINDS:
            kind, name = KINDS[event], str(facts.get("fun_name", "?"))
            self.compiled.append(
                {"kind": kind, "name": name, "seconds": seconds, "round": self.round}
            )

    def heard_event(self, event: str, **facts: Any) -> None:
        """Counts the programs that the cache held."""
        self.cache_hits += event == CACHE_HIT

    def write(self, path: Path) -> None:
        """All of it, as JSON."""
        document = {
            "total": self.last - self.begun,
            "phases": self.phases,
            "compiled": self.compiled[: self.since],
            "cache_hits": self.cache_hits,
            "scoring": self.scoring,
        }
        path.write_text(json.dumps(document), encoding="utf-8")


def wrapped(
    timeline: Timeline, function: Callable[..., Any], phase: str
) -> Callable[..., Any]:
    """The same function, with a mark when what it returns is there."""
    import jax

    def call(*given: Any, **named: Any) -> Any:
        timeline.mark("between")
        result = function(*given, **named)
        if phase in PARTS:
            jax.block_until_ready(result)
        timeline.mark(phase)
        return result

    return call


def main() -> None:
    """`started.py BEGUN TIMELINE first-score|end COMMAND...`."""
    begun, path, until, *command = sys.argv[1:]
    timeline = Timeline(float(begun))
    # What the interpreter took before this file's first line, and this file.
    timeline.mark("interpreter")
    from xlnas_jax.cli import main as cli
    from xlnas_jax.cli import search

    timeline.mark("imports of the command")
    import jax

    from xlnas_jax.run import rounds
    from xlnas_jax.run import run as runner
    from xlnas_jax.search import engine

    jax.monitoring.register_event_duration_secs_listener(timeline.heard)
    jax.monitoring.register_event_listener(timeline.heard_event)
    timeline.mark("imports of the search")
    for module, name, phase in (
        (search, "load_config", "configuration"),
        (runner, "prepare", "tokenizer, sizes and limits"),
        (runner, "read_data", "data"),
        (engine, "import_params", "weights"),
        (runner, "load_state", "engine and first state"),
    ):
        setattr(module, name, wrapped(timeline, getattr(module, name), phase))
    rounds.step = make_step(timeline, rounds.step, until == "first-score")
    try:
        code = cli.run(command)
        timeline.mark("finish")
    except FirstScoreError:
        code = 0
    timeline.write(Path(path))
    sys.exit(code)


class FirstScoreError(Exception):
    """Ends a search whose first score is known."""


def make_step(
    timeline: Timeline, step: Callable[..., Any], is_first_all: bool
) -> Callable[..., Any]:
    """One round with a mark after each of its parts."""

    def call(engine: Any, state: Any) -> Any:
        searched = int(state.round) - engine.num_warm_up
        names = {-1: "warm-up", 0: "first round"}
        timeline.round = names.get(max(min(searched, 1), -1), "later rounds")
        parts = {n: wrapped(timeline, getattr(engine, n), n) for n in PARTS}
        if is_first_all and searched == 0:
            parts |= make_last(timeline, engine.evaluate)
        result = step(engine._replace(**parts), state)
        timeline.mark("between")
        return result

    return call


def make_last(
    timeline: Timeline, evaluate: Callable[..., Any]
) -> dict[str, Callable[..., Any]]:
    """Stops when the scores are known, and times the same scoring once more."""
    asked: list[tuple[Any, ...]] = []
    first = wrapped(timeline, evaluate, "evaluate")

    def remember(*given: Any) -> Any:
        asked.append(given)
        return first(*given)

    def stop(*_: Any) -> None:
        import jax

        start = time.perf_counter()
        jax.block_until_ready(evaluate(*asked[0]))
        timeline.scoring = time.perf_counter() - start
        raise FirstScoreError

    return {"evaluate": remember, "insert": stop}


if __name__ == "__main__":
    main()
