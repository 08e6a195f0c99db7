"""What do searches of one configuration find, with several seeds, and at what cost?

Runs what is not finished yet, one seed after another, and collects all of them into
one file, from which tools/readme.py makes tables. Killed and started again it goes on:

    python -m benchmarks.evidence.record_search configs/sib200_e5.yaml \
        --seeds 0 1 2 --out benchmarks/results/sib200_e5.json
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from xlnas_jax.files import write_json
from xlnas_jax.results.document import named_networks

# What is kept of a network; the rest of a front is not.
_KEPT = (
    *("id", "architecture", "costs", "objectives", "selection"),
    *("languages", "summary"),
)
_OF_FINALIST = (*_KEPT, "kind", "places", "before")


def summarise(run: Path) -> dict[str, Any]:
    """The named networks and the finalists of one run."""
    document = json.loads((run / "front.json").read_text(encoding="utf-8"))
    measured = json.loads((run / "measured.json").read_text(encoding="utf-8"))
    found = {
        "seed": document["seed"],
        "constraints": document["constraints"],
        "objectives": document["objectives"],
        "tasks": document["tasks"],
        "comparisons": document["comparisons"],
        "evaluated": document["evaluated"],
        "rejected_before_evaluation": document["rejected_before_evaluation"],
        "front_size": len(document["points"]),
        "networks": {
            name: {key: point[key] for key in _KEPT}
            for name, point in named_networks(document).items()
        },
        "measured": measured,
    }
    if "finalists" in document:
        finalists = document["finalists"]
        networks = [
            {key: one[key] for key in _OF_FINALIST} for one in finalists["networks"]
        ]
        found["finalists"] = {**finalists, "networks": networks}
    return found


def search(config: Path, run: Path, seed: int, changes: list[str]) -> dict[str, Any]:
    """One search, or the rest of it.

    Returns:
        Where it was finished: it may have been earlier, by another commit.
    """
    kept = run.with_name(f"{run.name}.environment.json")
    was_finished = (run / "front.json").is_file()
    command = [sys.executable, "-m", "xlnas_jax.cli", "search", str(config)]
    options = [f"seed={seed}", *changes]
    subprocess.run([*command, "--run-dir", str(run), "--set", *options], check=True)
    if not (was_finished and kept.is_file()):
        write_json(kept, environment())
    return json.loads(kept.read_text(encoding="utf-8"))


def joined(environments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last one, with the commits of all."""
    commits = dict.fromkeys(one["commit"] for one in environments)
    return {**environments[-1], "commit": " and ".join(commits)}


def command_of(given: argparse.Namespace) -> str:
    """The command that makes the file, with what is set otherwise than configured."""
    options = ["--seeds", *map(str, given.seeds)]
    if given.changes:
        options += ["--set", *given.changes]
    options += ["--out", str(given.out)]
    told = " ".join(shlex.quote(one) for one in options)
    return f"python -m benchmarks.evidence.record_search {given.config} {told}"


def main() -> None:
    """Writes one file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--set", nargs="*", default=[], dest="changes")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    runs = []
    for seed in given.seeds:
        run = given.runs / f"{given.config.stem}-s{seed}"
        where = search(given.config, run, seed, given.changes)
        runs.append({**summarise(run), "environment": where})
        # After every seed: what is there is recorded.
        document = {
            "command": command_of(given),
            "environment": joined([one["environment"] for one in runs]),
            "runs": runs,
        }
        write_json(given.out, document)


if __name__ == "__main__":
    main()
