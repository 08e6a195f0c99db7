"""Which share of a round is spent outside scoring and weight steps?

Rounds of a real search through `run_search`: the functions of the engine, the
checkpoints and the log are wrapped in clocks, and nothing is left out. Each part is
waited for, so that none hides behind another: in a search the log is written while
the device works, and the share is no larger than here. A round lasts from its start
to the start of the next; the first of each kind, which compiles, is left out.

    python -m benchmarks.speed.overhead --out benchmarks/results/overhead.json
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from benchmarks.harness import ROOT, arguments, summary
from benchmarks.reporting import at_most, report
from benchmarks.searches import TINY, default_config
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.run import rounds
from xlnas_jax.run import run as runner

# Warm-up rounds only train: they would hide what a search round costs.
NO_WARM_UP = "train.pretune_steps=0"
QUICK = (*TINY, "search.weight_steps=1")
WORK = ("learn", "evaluate")
PARTS = (*WORK, "propose", "judge", "insert")
BAR = 0.02


class Clock:
    """Seconds of every part of every round."""

    def __init__(self) -> None:
        """No round has begun."""
        self.rounds: list[dict[str, float]] = []
        self.starts: list[float] = []

    def begin(self) -> None:
        """Ends the round before and begins the next."""
        self.starts.append(time.perf_counter())
        self.rounds.append({})

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, on the clock until what it returns is there."""

        def call(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            result = jax.block_until_ready(function(*given, **named))
            spent = self.rounds[-1]
            spent[part] = spent.get(part, 0.0) + time.perf_counter() - start
            return result

        return call

    def finished(self) -> list[dict[str, float]]:
        """Rounds with the seconds of each part, `round` for all of them."""
        ends = self.starts[1:]
        # The last start was that of no round.
        return [
            {**parts, "round": end - start}
            for parts, start, end in zip(self.rounds, self.starts, ends, strict=False)
        ]


class SearchedError(Exception):
    """Ends a run whose rounds are done; what follows them is not asked about."""


def main() -> None:
    """Runs a few rounds and says where their time went."""
    parser = arguments(__doc__)
    parser.add_argument("--config", help="default: the first whose data are there")
    given = parser.parse_args()
    config = given.config or default_config(given.quick)
    # The first compiles; the last lacks the log of the one before it.
    count = 2 + (2 if given.quick else given.repeats)
    settings = [NO_WARM_UP, f"search.rounds={count}", *(QUICK if given.quick else ())]
    rounds = run_rounds(config, settings)[1:-1]
    result = {"config": config, "settings": settings, **describe(rounds)}
    report(given.out, __doc__, result)


def run_rounds(config: str, settings: list[str]) -> list[dict[str, float]]:
    """Seconds of every part of every round of one search."""
    clock = Clock()
    homes = {"load_state": runner, "step": rounds, "_log": rounds, "conclude": runner}
    originals = {name: getattr(home, name) for name, home in homes.items()}
    save = rounds.Checkpoints.save

    def load_state(*given: Any, **named: Any) -> Any:
        engine, *rest = originals["load_state"](*given, **named)
        parts = {name: clock.timed(name, getattr(engine, name)) for name in PARTS}
        tell = clock.timed("tell", engine.controller.tell)
        engine = engine._replace(
            **parts, controller=engine.controller._replace(tell=tell)
        )
        return engine, *rest

    def step(*given: Any) -> Any:
        clock.begin()
        return originals["step"](*given)

    def conclude(*given: Any, **named: Any) -> Any:
        clock.begin()
        raise SearchedError

    replaced = {"load_state": load_state, "step": step, "conclude": conclude}
    replaced["_log"] = clock.timed("log", originals["_log"])
    try:
        for name, function in replaced.items():
            setattr(homes[name], name, function)
        rounds.Checkpoints.save = clock.timed("checkpoint", save)
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_config(ROOT / config, settings)
            runner.run_search(loaded, Path(folder) / "run")
    except SearchedError:
        return clock.finished()
    finally:
        for name, function in originals.items():
            setattr(homes[name], name, function)
        rounds.Checkpoints.save = save
    raise RuntimeError("the search ended without a report")


def describe(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Medians over rounds: seconds of every part, and what is neither part's."""
    shares = [1.0 - sum(r[part] for part in WORK) / r["round"] for r in rounds]
    names = [name for name in rounds[0] if name != "round"]
    rest = [r["round"] - sum(r.get(name, 0.0) for name in names) for r in rounds]
    parts = {
        name: statistics.median(r.get(name, 0.0) for r in rounds) for name in names
    }
    share = statistics.median(shares)
    return {
        "rounds": len(rounds),
        "round_seconds": summary([r["round"] for r in rounds]),
        "part_seconds": {**parts, "anything else": statistics.median(rest)},
        "overhead_share": summary(shares),
        "bars": [
            at_most("share outside scoring and weight steps", BAR, share),
        ],
    }


if __name__ == "__main__":
    main()
