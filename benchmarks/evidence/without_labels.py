"""What does a sentence encoder keep of a search that saw no label?

Of finished searches on translations: how often the network that was picked finds a
sentence's translation among all test sentences (P@1, mean of both directions), beside
the full encoder and every control of the same budget; in languages whose text was
learnt from, and in those that were never seen.

    python -m benchmarks.evidence.without_labels runs/retrieval_e5 \
        --out benchmarks/results/without_labels.json
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import at_least, at_most, report
from xlnas_jax.results.finalists.document import winner_of

# Points under the full encoder that may be lost, and languages that they are a mean of.
SEEN, UNSEEN, LANGUAGES = 3.0, 6.0, 20


def main() -> None:
    """Collects runs, and holds their means against the bars."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    given = parser.parse_args()
    found = [
        of_document(json.loads((run / "front.json").read_text(encoding="utf-8")))
        for run in given.runs
    ]
    lost = {
        group: float(
            np.mean([one["networks"]["picked"]["lost"][group] for one in found])
        )
        for group in ("seen", "unseen")
    }
    count = min(len(one["languages"]["seen"]) for one in found)
    bars = [
        at_most("points lost in languages of the text", SEEN, lost["seen"]),
        at_most("points lost in languages never seen", UNSEEN, lost["unseen"]),
        at_least("languages of the text that are tested", LANGUAGES, count),
    ]
    report(given.out, __doc__, {"runs": found, "bars": bars})


def of_document(document: dict[str, Any]) -> dict[str, Any]:
    """Scores of one run's networks, from its `front.json`."""
    (task,) = document["tasks"].values()
    roles, primary = task["roles"], task["primary"]
    heard = set(roles.get("unlabelled", ()))
    groups = {
        "seen": [code for code in roles["target"] if code in heard],
        "unseen": [code for code in roles["target"] if code not in heard],
    }
    full, winner = document["baselines"]["full"], winner_of(document)
    if winner is None:
        raise SystemExit("the search had no finalists (search.finalists)")
    networks = {"full": full, "picked": winner}
    for one in document["finalists"]["networks"]:
        if one["kind"] != "found":
            networks[f"{one['kind']} {', '.join(one['places'])}"] = one
    whole = {group: mean_of(full, codes, primary) for group, codes in groups.items()}
    return {
        "seed": document["seed"],
        "languages": groups,
        "vocabulary": document.get("vocabulary"),
        "networks": {
            name: {
                "encoder_params": one["costs"]["encoder_params"],
                "params": one["costs"]["params"],
                "share_of_encoder": one["costs"]["encoder_params"]
                / full["costs"]["encoder_params"],
                "mean": {g: mean_of(one, c, primary) for g, c in groups.items()},
                "lost": {
                    g: 100.0 * (whole[g] - mean_of(one, c, primary))
                    for g, c in groups.items()
                },
                "scores": {
                    code: one["languages"][code][primary] for code in roles["target"]
                },
            }
            for name, one in networks.items()
        },
    }


def mean_of(point: dict[str, Any], codes: Sequence[str], primary: str) -> float:
    """Mean score over languages; 0 of none."""
    scores = [point["languages"][code][primary] for code in codes]
    return float(np.mean(scores)) if scores else 0.0


if __name__ == "__main__":
    main()
