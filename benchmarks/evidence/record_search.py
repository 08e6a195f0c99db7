"""What did finished searches find, in how much time, and on what?

Collects run directories of one configuration with different seeds into one file
of benchmarks/results/, from which tools/readme.py makes the README's tables:

    python -m benchmarks.evidence.record_search runs/sib200-s0 runs/sib200-s1 \
        --command "xlnas search configs/sib200_minilm.yaml --set seed=S" \
        --out benchmarks/results/sib200_minilm.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.environment import environment
from xlnas_jax.files import write_json
from xlnas_jax.results.document import named_networks


def summarise(run: Path) -> dict[str, Any]:
    """The named networks of one run, without the rest of its front."""
    document = json.loads((run / "front.json").read_text(encoding="utf-8"))
    measured = json.loads((run / "measured.json").read_text(encoding="utf-8"))
    networks = {
        name: {
            "id": point["id"],
            "architecture": point["architecture"],
            "costs": point["costs"],
            "objectives": point["objectives"],
            "selection": point["selection"],
            "languages": point["languages"],
            "summary": point["summary"],
        }
        for name, point in named_networks(document).items()
    }
    return {
        "seed": document["seed"],
        "constraints": document["constraints"],
        "objectives": document["objectives"],
        "tasks": document["tasks"],
        "comparisons": document["comparisons"],
        "evaluated": document["evaluated"],
        "rejected_before_evaluation": document["rejected_before_evaluation"],
        "front_size": len(document["points"]),
        "networks": networks,
        "measured": measured,
    }


def main() -> None:
    """Writes one file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--command", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    document = {
        "command": given.command,
        "environment": environment(),
        "runs": [summarise(run) for run in given.runs],
    }
    write_json(given.out, document)


if __name__ == "__main__":
    main()
