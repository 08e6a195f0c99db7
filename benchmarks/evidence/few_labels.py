"""How many labels of auxiliary languages are enough to choose a network?

Of finished searches with finalists: at every budget one of the networks that were
trained is chosen, found ones and controls alike, by what a user might have: so many
labelled dev sentences of so many auxiliary languages, the divergence from the full
network on the same sentences or on all text that was heard, without a label, or the
source's labels alone. What that costs is the mean target score of the best network of
the budget less that of the chosen one. Sentences are drawn anew many times; of
languages all choices are taken. Target scores only say what a choice was worth.

    python -m benchmarks.evidence.few_labels runs/sib200_e5-s0 runs/sib200_e5-s1 \
        runs/sib200_e5-s2 --out benchmarks/results/few_labels.json
"""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from benchmarks.harness import arguments
from benchmarks.reporting import report
from xlnas_jax.results.finalists.train import FOLDER
from xlnas_jax.storage.trees import load_tree
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.divergence import DIVERGENCE, with_divergence
from xlnas_jax.tasks.registry import make_task

COUNTS = (10, 25, 50)
DRAWS = 200
# Networks are rivals whose FLOPs are between this share of a budget and all of it.
NARROW = 0.5
LABELS, TEXT, HEARD, SOURCE, BLIND = (
    "labels",
    "divergence, same sentences",
    "divergence, all text",
    "source labels",
    "nothing",
)


class Rivals(NamedTuple):
    """Networks of one run and budget.

    Attributes:
        target: mean score of each over the targets.
        heard, source: divergence on all text, and error in the source language.
        statistics: by auxiliary language, `network example stat`.
    """

    target: Float[np.ndarray, " network"]
    heard: Float[np.ndarray, " network"]
    source: Float[np.ndarray, " network"]
    statistics: Mapping[str, Float[np.ndarray, "network example stat"]]


def main() -> None:
    """Writes what every way to choose loses."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    given = parser.parse_args()
    draws = 4 if given.quick else DRAWS
    groups = [one for run in given.runs for one in rivals_of(run)]
    if not groups:
        raise SystemExit("no budget has two networks to choose from")
    document = json.loads((given.runs[0] / "front.json").read_text("utf-8"))
    task = _task(next(iter(document["tasks"].values())))
    found = lost(task, groups, draws)
    result = {
        "runs": [str(run) for run in given.runs],
        "choices": len(groups),
        "networks": int(np.mean([len(one.target) for one in groups])),
        "lost": found,
    }
    report(given.out, __doc__, result)


def rivals_of(run: Path) -> list[Rivals]:
    """Of every budget that has two networks or more, each network once."""
    document = json.loads((run / "front.json").read_text(encoding="utf-8"))
    (name,) = document["tasks"]
    finalists = document["finalists"]
    every = {one["name"]: one for one in finalists["networks"]}
    full = document["baselines"]["full"]["costs"]["flops"]
    found = []
    for share in finalists["budgets"]:
        # A little above, for the head's own work.
        most = share * full * 1.02
        rivals = [
            one
            for one in every.values()
            if NARROW * most <= one["costs"]["flops"] <= most
        ]
        if len(rivals) > 1:
            found.append(_rivals(run, document, name, rivals))
    return found


def _rivals(
    run: Path, document: dict[str, Any], name: str, networks: list[dict[str, Any]]
) -> Rivals:
    task = document["tasks"][name]
    saved = [
        load_tree(run / FOLDER / one["name"])["statistics"]["0"] for one in networks
    ]
    source, primary = task["roles"]["source"], task["primary"]
    return Rivals(
        target=np.asarray([one["summary"]["target_mean"] for one in networks]),
        heard=np.asarray([one["objectives"][DIVERGENCE] for one in networks]),
        source=np.asarray(
            [1.0 - one["languages"][source][primary] for one in networks]
        ),
        statistics={
            code: np.stack([np.asarray(one[code], np.float64) for one in saved])
            for code in saved[0]
        },
    )


def _task(recorded: dict[str, Any]) -> Task:
    """What turns statistics into metrics; the width of vectors does not matter."""
    made = make_task(recorded["kind"], tuple(recorded["labels"]), 1)
    return with_divergence(made)


def lost(task: Task, groups: Sequence[Rivals], draws: int) -> list[dict[str, Any]]:
    """Mean loss of every way, worst first where nothing is known."""
    rng = np.random.default_rng(0)
    found = [
        _of(groups, BLIND, lambda one: _regret(one, None)),
        _of(groups, SOURCE, lambda one: _regret(one, one.source)),
        _of(groups, HEARD, lambda one: _regret(one, one.heard)),
    ]
    languages = sorted(set.intersection(*(set(one.statistics) for one in groups)))
    sizes = min(s.shape[1] for one in groups for s in one.statistics.values())
    for metric, way in (("error", LABELS), (DIVERGENCE, TEXT)):
        for count in range(1, len(languages) + 1):
            for number in (*(n for n in COUNTS if n < sizes), sizes):
                value = [
                    np.mean(
                        [
                            _regret(one, _drawn(task, one, chosen, number, metric, rng))
                            for chosen in combinations(languages, count)
                            for _ in range(draws if number < sizes else 1)
                        ]
                    )
                    for one in groups
                ]
                found.append(
                    {
                        "by": way,
                        "languages": count,
                        "sentences": number,
                        "lost": float(np.mean(value)),
                    }
                )
    return found


def _of(groups: Sequence[Rivals], way: str, regret: Any) -> dict[str, Any]:
    return {"by": way, "lost": float(np.mean([regret(one) for one in groups]))}


def _regret(rivals: Rivals, value: Float[np.ndarray, " network"] | None) -> float:
    """Points that the lowest value loses; of ties, and of a blind choice, the mean."""
    apart = rivals.target.max() - rivals.target
    if value is None:
        return float(apart.mean())
    return float(apart[value == value.min()].mean())


def _drawn(
    task: Task,
    rivals: Rivals,
    languages: Sequence[str],
    number: int,
    metric: str,
    rng: np.random.Generator,
) -> Float[np.ndarray, " network"]:
    """A metric of every network on the same drawn sentences, mean over languages."""
    values = []
    for code in languages:
        every = rivals.statistics[code]
        rows = rng.choice(every.shape[1], min(number, every.shape[1]), replace=False)
        values.append(np.asarray(task.metrics(every[:, rows].sum(1))[metric]))
    return np.mean(values, axis=0)


if __name__ == "__main__":
    main()
