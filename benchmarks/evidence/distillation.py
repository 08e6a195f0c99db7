"""Do small networks keep languages by distillation on text that nobody labelled?

Of finished searches that had a teacher: networks of a few structures are cut from it
and trained alone, with the same steps, by labels, by distillation on the labelled text
alone, and by distillation on text of other languages too. Targets are read once, when
all of them are trained; one seed is one run.

    python -m benchmarks.evidence.distillation runs/sib200_e5-s0 runs/sib200_e5-s1 \
        runs/sib200_e5-s2 --out benchmarks/results/distillation.json
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evidence.restored import restore
from benchmarks.harness import arguments
from benchmarks.reporting import at_least, report
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.finish import report as tested
from xlnas_jax.results.scoring import Scores, from_sums
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.tasks.summary import paired_bootstrap

# Kept layers of the full number, heads and inner neurons as shares of the full ones.
STRUCTURES = {
    "all layers, half width": ("all", 0.5),
    "bottom half, half width": ("bottom", 0.5),
    "every other layer": ("other", 1.0),
    "every other layer, half width": ("other", 0.5),
}
# Method, and whether text without labels is learnt from.
WAYS = {
    "labels": ("finetune", False),
    "distilled, labelled text": ("distill", False),
    "distilled, all text": ("distill", True),
}
FEW = 4


def main() -> None:
    """Trains every structure in every way, from the teacher of every run."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--structures", type=int, default=len(STRUCTURES))
    given = parser.parse_args()
    steps = FEW if given.quick else given.steps
    num = 1 if given.quick else given.structures
    found = [of_run(run, steps, num) for run in given.runs]
    gains = [case["gain"]["difference"] for one in found for case in one["structures"]]
    bars = [
        at_least("points gained over labels, mean", 0.0, 100 * float(np.mean(gains)))
    ]
    result = {"steps": steps, "runs": found, "bars": bars}
    report(given.out, __doc__, result)


def of_run(run: Path, steps: int, num: int) -> dict[str, Any]:
    """The first structures of one run, in all ways."""
    experiment, _, _, rows, _, teacher = restore(run)
    config = experiment.config
    shown = dict(list(STRUCTURES.items())[:num])
    how = dataclasses.replace(config.finalists, steps=steps, steps_exponent=0.0)
    networks, names = [(lambda: teacher, experiment.space.largest_row)], []
    for way, (method, has_texts) in WAYS.items():
        train = dataclasses.replace(config.train, method=method)
        own = dataclasses.replace(
            experiment, config=dataclasses.replace(config, train=train)
        )
        run_alone = make_train_alone(own, rows, how, has_texts)
        for structure, (which, width) in shown.items():
            row = _row(experiment, which, width)
            made = run_alone(teacher, row)
            networks.append((functools.partial(_given, made), row))
            names.append((structure, way))
    scores = tested(experiment, networks).networks
    full, *others = scores
    by_name = dict(zip(names, others, strict=True))
    return {
        "seed": config.seed,
        "full": _target_mean(experiment, full),
        "structures": [
            _compared(experiment, structure, by_name) for structure in shown
        ],
    }


def _given(params: Any) -> Any:
    return params


def _row(experiment: Experiment, which: str, width: float) -> np.ndarray:
    """A structure, of the choices nearest to its width."""
    space = experiment.space
    row = space.largest_row
    layers = space.gate.sites
    kept = np.ones(layers, bool)
    if which != "all":
        places = np.arange(layers)
        kept = places % 2 == 0 if which == "other" else places < layers // 2
    row[space.columns(space.gate.name)] = np.where(kept, row[0], 0)
    for name in space.stage_knobs:
        choices = np.asarray(space.knob(name).choices, float)
        nearest = int(np.abs(choices - width * choices[-1]).argmin())
        row[space.columns(name)] = nearest
    return space.canonical(row[None])[0]


def _compared(
    experiment: Experiment,
    structure: str,
    by_name: dict[tuple[str, str], dict[str, Scores]],
) -> dict[str, Any]:
    """Target means in every way, and what unlabelled text gains over labels."""
    own = {way: by_name[structure, way] for way in WAYS}
    first, *_, last = WAYS
    (part,) = experiment.parts
    targets = [experiment.column(part, code) for code in part.roles.target]
    gain = paired_bootstrap(
        {code: own[first][code].ids for code in targets},
        {code: own[last][code].items for code in targets},
        {code: own[first][code].items for code in targets},
        from_sums(part.task.kind),
    )
    return {
        "structure": structure,
        "target_mean": {w: _target_mean(experiment, s) for w, s in own.items()},
        "worst": {w: min(_targets(experiment, s)) for w, s in own.items()},
        "gain": gain._asdict(),
    }


def _targets(experiment: Experiment, scores: dict[str, Scores]) -> list[float]:
    (part,) = experiment.parts
    return [
        scores[experiment.column(part, code)].metrics[part.task.primary]
        for code in part.roles.target
    ]


def _target_mean(experiment: Experiment, scores: dict[str, Scores]) -> float:
    return float(np.mean(_targets(experiment, scores)))


if __name__ == "__main__":
    main()
