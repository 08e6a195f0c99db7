"""How many programs does a search compile, and how soon is the first score known?

Time to first score runs from the start of the process of `xlnas search` until the
scores of the first population are known, training left out (`NO_TRAINING`): imports,
configuration, data, weights, compilation and the scoring itself. It is taken for the
configured population, the timing of the forms included where the configuration asks
for it, and for the smallest with the form pinned, whose scoring takes hardly any time.
Cold starts have an empty compilation cache; warm ones find what an earlier process left
there. Python's own byte code, and files that the system keeps in memory, are there in
both.

Programs are counted over whole searches with little training, one for each form:

python -m benchmarks.speed.compile --out benchmarks/results/compile.json
"""

import json
import site
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, arguments, command_of, summary, surroundings
from benchmarks.reporting import at_most, report
from benchmarks.searches import TINY, default_config

NO_TRAINING = ("train.pretune_steps=0", "search.weight_steps=0")
# Two is the least that REINFORCE takes.
POPULATIONS = {
    "smallest": ("search.population=2", "evaluate.form=sliced"),
    "configured": (),
}
# How many programs there are does not depend on how often they run. The search has
# at least two rounds after the first, and every training step meets every bucket.
SHORT = (
    "train.pretune_steps=8",
    "search.weight_steps=8",
    "search.rounds=3",
    "search.tested=1",
)
FORMS = ("sliced", "masked")
COLD_BAR_SECONDS, WARM_BAR_SECONDS, PROGRAMS_BAR = 15.0, 4.0, 4
FINISH_BAR = 20  # programs of the controls, the test scores and the export
MOST_NAMES = 12


def main() -> None:
    """Starts searches in processes of their own, and says where their time went."""
    parser = arguments(__doc__)
    parser.add_argument("--config", help="default: the first whose data are there")
    parser.add_argument("--skip-search", action="store_true", help="first scores only")
    given = parser.parse_args()
    config = given.config or default_config(given.quick)
    repeats = 1 if given.quick else given.repeats
    extra = TINY if given.quick else ()
    found = first_scores(config, extra, repeats)
    first = {name: describe_starts(starts) for name, starts in found.items()}
    forms = () if given.skip_search else FORMS[:1] if given.quick else FORMS
    searches = {form: whole_search(config, (*extra, *SHORT), form) for form in forms}
    result = {
        "config": config,
        "counted": "from the start of the process to the first population's scores; "
        "no training step, none compiled",
        "settings": [*extra, *NO_TRAINING],
        "populations": {name: list(found) for name, found in POPULATIONS.items()},
        "first_score": first,
        "imports": import_seconds(),
        "search_settings": [*extra, *SHORT],
        "searches": searches,
        "bars": bars(first, searches),
    }
    report(given.out, __doc__, result)


def first_scores(
    config: str, extra: tuple[str, ...], repeats: int
) -> dict[str, list[dict[str, Any]]]:
    """Timelines of cold starts, each followed by a warm one on the same cache."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        for population, settings in POPULATIONS.items():
            with tempfile.TemporaryDirectory() as home:
                for cache in ("cold", "warm"):
                    command = ["search", config, "--run-dir", str(Path(home) / cache)]
                    command += ["--set", *last_of((*extra, *NO_TRAINING, *settings))]
                    start = run_marked(home, command, "first-score")
                    found.setdefault(f"{population}, {cache}", []).append(start)
    return found


def run_marked(home: str, command: list[str], until: str) -> dict[str, Any]:
    """The timeline of one `xlnas` command in a process of its own."""
    timeline = Path(home) / "timeline.json"
    kept = {
        name: value
        for name, value in surroundings().items()
        if name not in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")
    }
    # The cache lies in the home directory; user packages stay where they are.
    place = {"HOME": home, "PYTHONUSERBASE": site.getuserbase()}
    begun = time.time()
    done = subprocess.run(
        [
            *command_of("speed.started"),
            repr(begun),
            str(timeline),
            until,
            *command,
        ],
        env=kept | place,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"xlnas {' '.join(command)} failed:\n{done.stderr}")
    return json.loads(timeline.read_text(encoding="utf-8"))


def describe_starts(starts: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds to the first score, and of them those of every phase, as medians."""
    phases = {
        name: {
            "seconds": statistics.median(s["phases"][name] for s in starts),
            "compiling": statistics.median(
                _compiling(s, phase=name)["backend"] for s in starts
            ),
            "tracing": statistics.median(
                _compiling(s, phase=name)["tracing"] for s in starts
            ),
        }
        for name in starts[0]["phases"]
    }
    return {
        "seconds": summary([start["total"] for start in starts]),
        "scoring_seconds": statistics.median(start["scoring"] for start in starts),
        "phases": phases,
        "programs": max(len(_programs(start)) for start in starts),
        "read_from_cache": min(start["cache_hits"] for start in starts),
        "slowest": _slowest(_programs(starts[0])),
    }


def _programs(timeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in timeline["compiled"] if event["kind"] == "backend"]


def _compiling(timeline: dict[str, Any], phase: str) -> Counter:
    """Seconds of one phase spent on compilation and on what comes before it."""
    seconds = Counter({"backend": 0.0, "tracing": 0.0})
    for event in timeline["compiled"]:
        if event["phase"] == phase:
            kind = "backend" if event["kind"] == "backend" else "tracing"
            seconds[kind] += event["seconds"]
    return seconds


def _slowest(programs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The programs that took longest, by name."""
    seconds: Counter = Counter()
    counts: Counter = Counter()
    for program in programs:
        key = program["name"], program["phase"]
        seconds[key] += program["seconds"]
        counts[key] += 1
    return [
        {"name": name, "phase": phase, "count": counts[name, phase], "seconds": value}
        for (name, phase), value in seconds.most_common(MOST_NAMES)
    ]


def last_of(settings: Sequence[str]) -> list[str]:
    """Of two values for one option the later one: a command line takes one alone."""
    return list({one.partition("=")[0]: one for one in settings}.values())


def whole_search(config: str, settings: tuple[str, ...], form: str) -> dict[str, Any]:
    """Programs of a whole search by phase of the run and by part of the round."""
    with tempfile.TemporaryDirectory() as home:
        run_dir = Path(home) / "run"
        command = ["search", config, "--run-dir", str(run_dir)]
        command += ["--set", *last_of((*settings, f"evaluate.form={form}"))]
        timeline = run_marked(home, command, "end")
        text = (run_dir / "measured.json").read_text(encoding="utf-8")
        measured = json.loads(text)
    programs = _programs(timeline)
    by_part: dict[str, Counter] = {}
    for program in programs:
        by_part.setdefault(program["round"], Counter())[program["phase"]] += 1
    return {
        "compile": measured["compile"],
        "seconds": measured["seconds"],
        "by_round_and_part": {name: dict(found) for name, found in by_part.items()},
        "slowest": _slowest(programs),
    }


def import_seconds() -> dict[str, float]:
    """Time of importing the search, by the package that spent it itself."""
    code = "import xlnas_jax.cli.main, xlnas_jax.run.run"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    spent: Counter = Counter()
    for line in done.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            spent[name.strip().split(".")[0]] += int(own) / 1e6
    return {name: round(value, 4) for name, value in spent.most_common(MOST_NAMES)}


def bars(first: dict[str, Any], searches: dict[str, Any]) -> list[dict[str, Any]]:
    """What was asked for, beside what was found."""
    found = []
    for name, starts in first.items():
        most = COLD_BAR_SECONDS if name.endswith("cold") else WARM_BAR_SECONDS
        what = f"seconds to the first score, population {name}"
        found.append(at_most(what, most, starts["seconds"]["median"]))
    for form, search in searches.items():
        parts = search["by_round_and_part"]
        scoring = sum(counts.get("evaluate", 0) for counts in parts.values())
        late = search["compile"]["programs_by_phase"]["later_rounds"]
        end = search["compile"]["programs_by_phase"]["finish"]
        found.append(at_most(f"programs that score, {form}", PROGRAMS_BAR, scoring))
        found.append(at_most(f"programs after the first round, {form}", 0, late))
        found.append(at_most(f"programs after the search, {form}", FINISH_BAR, end))
    return found


if __name__ == "__main__":
    main()
