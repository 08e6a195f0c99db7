"""How small is what is served, and what does leaving out pieces cost its languages?

Of finished searches with finalists: what was found within a share of the FLOPs is
exported, and trimmed to the languages of its tasks by the texts of their train and dev
splits, without labels, until the whole model is within a limit on its parameters. Both
are scored on the same test data.

    python -m benchmarks.evidence.trimmed runs/sib200_e5-s0 runs/sib200_e5-s1 \
        runs/sib200_e5-s2 --params 29.5e6 --out benchmarks/results/trimmed.json
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments
from benchmarks.reporting import at_most, report
from xlnas_jax.data import sources
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.evaluation import evaluate_model
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.trim import Keep, trim_subnet
from xlnas_jax.languages.roles import Split
from xlnas_jax.results.finalists.document import at_place
from xlnas_jax.run.again import export_run
from xlnas_jax.storage.rundir import read_config

SPLITS: tuple[Split, ...] = ("train", "dev")


def main() -> None:
    """Exports, trims and scores one network of every run."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    parser.add_argument("--place", default="1/4", help="share of the FLOPs")
    parser.add_argument("--params", type=float, required=True)
    given = parser.parse_args()
    found = [of_run(run, given.place, round(given.params)) for run in given.runs]
    largest = max(one["params"]["trimmed"] for one in found)
    bars = [at_most("parameters of the trimmed model", given.params, largest)]
    report(given.out, __doc__, {"place": given.place, "runs": found, "bars": bars})


def of_run(run: Path, place: str, params: int) -> dict[str, Any]:
    """Sizes, scores and tokens before and after."""
    experiment, network, whole = exported(run, place)
    trimmed = trim_subnet(whole, texts_of(experiment), Keep(params=params))
    scores = {
        "whole": scores_of(experiment, whole),
        "trimmed": scores_of(experiment, trimmed.subnet),
    }
    return {
        "seed": experiment.config.seed,
        "network": network,
        "params": {
            "whole": count_params(whole.weights),
            "trimmed": count_params(trimmed.subnet.weights),
        },
        "pieces": {"whole": trimmed.rows, "trimmed": trimmed.subnet.shape.vocab_size},
        "target_mean": {
            name: target_mean(experiment, own) for name, own in scores.items()
        },
        "scores": scores,
        "growth": {name: one.growth for name, one in trimmed.compared.items()},
    }


def exported(run: Path, place: str) -> tuple[Experiment, str, Subnet]:
    """What was found at a share of the FLOPs: its experiment, its id, and itself."""
    document = json.loads((run / "front.json").read_text(encoding="utf-8"))
    network = at_place(document["finalists"]["networks"], "found", place)
    if network is None:
        raise SystemExit(f"{run}: no finalist stands for {place} of the FLOPs")
    with tempfile.TemporaryDirectory() as folder:
        subnet = load(export_run(run, network["id"], Path(folder) / "model"))
    return prepare(read_config(run)), network["id"], subnet


def target_mean(experiment: Experiment, scores: dict[str, float]) -> float:
    """Over the target languages of its task."""
    (part,) = experiment.parts
    return float(np.mean([scores[part.codes[code]] for code in part.roles.target]))


def texts_of(experiment: Experiment) -> dict[str, list[Text]]:
    """Of every language of the task, what is no test split."""
    (part,) = experiment.parts
    found: dict[str, list[Text]] = {}
    for code in part.roles.all:
        spelled = part.codes[code]
        for split in SPLITS:
            own = sources.read_wording(part.source, code, split, "")
            found.setdefault(spelled, []).extend(own)
    return found


def scores_of(experiment: Experiment, subnet: Subnet) -> dict[str, float]:
    """The official metric on test data, by language."""
    (part,) = experiment.parts
    examples = {
        part.codes[code]: sources.read(part.source, part.roles, code, "test", "report")
        for code in part.roles.all
    }
    found = evaluate_model(subnet, examples)
    return {code: own[part.task.primary] for code, own in found.items()}


if __name__ == "__main__":
    main()
