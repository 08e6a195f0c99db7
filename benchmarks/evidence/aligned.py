"""Does alignment, or distance, say how well topics transfer to a language?

The encoder of a finished search as it was before any training: how alike every
language of the data is to the source, layer by layer, on dev sentences with the same
id, whose labels are not read. Beside it the accuracy of the search's full network,
trained on the source's labels alone, on the test sentences of every language, and the
distance of every language from the source. All of this is looked at after the search
and changes nothing in it. Spearman's correlation over languages, with an interval
over languages that are drawn anew.

    python -m benchmarks.evidence.aligned runs/sib200_e5-s0 \
        --plot benchmarks/results/aligned.png --out benchmarks/results/aligned.json
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.evidence.fidelity import resampled
from benchmarks.evidence.restored import Restored, restore
from benchmarks.harness import arguments
from benchmarks.reporting import at_least, report
from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.evaluation.population import make_scoring_supernet
from xlnas_jax.evaluation.predictions import make_predictor
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import import_params
from xlnas_jax.languages.distance.composite import measure
from xlnas_jax.results.alignment.measured import (
    SCORE,
    Aligned,
    best_layer,
    measure_alignment,
)
from xlnas_jax.results.languages import pieces_of
from xlnas_jax.results.scoring import score_predictions

PAIRS = 99
LEAST_LANGUAGES = 40
FEW = 5


def main() -> None:
    """Measures one run's encoder in every language of its data."""
    parser = arguments(__doc__)
    parser.add_argument("run", type=Path, help="a finished run directory")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    restored = restore(given.run)
    experiment = of_every_language(restored.experiment, FEW if given.quick else None)
    (part,) = experiment.parts
    languages = part.roles.all[1:]
    params = import_params(experiment).of_task(part.name)
    found = measure_alignment(experiment, part, params, languages, given.pairs)
    accuracy = accuracies(restored, experiment)
    distances = distances_of(experiment)
    layer = best_layer(found)
    result = {
        "languages": {
            one.language: {
                "accuracy": accuracy[one.language],
                "pairs": one.num_pairs,
                "score_by_layer": [round(value, 4) for value in one.of(SCORE)],
                "measures": {
                    name: round(value, 4) for name, value in one.layers[layer].items()
                },
                "distances": distances[one.language],
            }
            for one in found
        },
        "best_layer": layer,
        "correlations": correlations(found, accuracy, distances),
    }
    result["bars"] = bars(result)
    if given.plot is not None:
        draw(found, accuracy, layer, given.plot)
    report(given.out, __doc__, result)


def of_every_language(experiment: Experiment, most: int | None) -> Experiment:
    """The same experiment, with every other language of the data among its targets.

    Args:
        most: so many further ones at most.
    """
    (part,) = experiment.parts
    config = experiment.config
    assert config.languages is not None, "of one task"
    roles = part.roles
    labelled = {roles.source, *roles.aux_train, *roles.aux_heldout, *roles.target}
    others = [code for code in part.source.languages() if code not in labelled][:most]
    languages = dataclasses.replace(
        config.languages, target=(*config.languages.target, *others), unlabelled=()
    )
    return prepare(dataclasses.replace(config, languages=languages))


def accuracies(restored: Restored, experiment: Experiment) -> dict[str, float]:
    """Of the full network as its warm-up left it, on test sentences."""
    (part,) = experiment.parts
    data = scoring_data(experiment, part, part.roles.all, "test", "report")
    supernet = make_scoring_supernet(experiment)
    predict = make_predictor(supernet, experiment.space, part.task)
    full = experiment.space.largest_row
    outputs = predict(restored.teacher.of_task(part.name), full, data.batches)
    scores = score_predictions(part.task, data, outputs)
    return {
        code: float(one.metrics[part.task.primary])
        for code, one in zip(part.roles.all, scores, strict=True)
    }


def distances_of(experiment: Experiment) -> dict[str, dict[str, float | None]]:
    """From the source to every language, by kind; None where it is not known."""
    (part,) = experiment.parts
    codes = part.roles.all
    pieces = {code: pieces_of(part, code) for code in codes}
    made = measure(codes, part.config.languages.distance, pieces, is_strict=False)
    rows = {kind: matrix[0] for kind, matrix in made.values.items()}
    rows["all"] = made.combined()[0]
    return {
        code: {kind: _known(row[n]) for kind, row in rows.items()}
        for n, code in enumerate(codes)
    }


def correlations(
    found: Sequence[Aligned],
    accuracy: Mapping[str, float],
    distances: Mapping[str, Mapping[str, float | None]],
) -> dict[str, Any]:
    """Of every signal with accuracy over languages."""
    truth = np.asarray([accuracy[one.language] for one in found])
    layer, layers = best_layer(found), range(len(found[0].layers))

    def at(name: str, where: int) -> np.ndarray:
        return np.asarray([one.layers[where][name] for one in found])

    def far(kind: str) -> np.ndarray:
        values = [distances[one.language][kind] for one in found]
        return np.asarray([np.nan if v is None else v for v in values])

    kinds = distances[found[0].language]
    scores = at(SCORE, layer)
    return {
        "score_by_layer": [spearman(at(SCORE, n), truth) for n in layers],
        "measures": {name: spearman(at(name, layer), truth) for name in MEASURES},
        "distances": {kind: spearman(far(kind), truth) for kind in kinds},
        "score_with_distance": {kind: spearman(scores, far(kind)) for kind in kinds},
    }


def spearman(one: np.ndarray, other: np.ndarray) -> dict[str, float | int | None]:
    """Rank correlation of what is known of both, and its 95 % bootstrap interval."""
    is_known = np.isfinite(one) & np.isfinite(other)
    one, other = one[is_known], other[is_known]
    if len(one) < FEW:
        found = dict.fromkeys(("value", "low", "high"))
    else:
        found = resampled(_rank_correlation, one, other)
    rounded = {k: None if v is None else round(v, 4) for k, v in found.items()}
    return {**rounded, "languages": len(one)}


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """NaN where all of one are alike, of which scipy would warn."""
    if not np.ptp(one) or not np.ptp(other):
        return np.nan
    return float(spearmanr(one, other).statistic)


def bars(result: Mapping[str, Any]) -> list[Any]:
    """Enough languages, and that alignment is a sign of transfer at all."""
    own = result["correlations"]["measures"][SCORE]
    return [
        at_least("languages", LEAST_LANGUAGES, len(result["languages"])),
        at_least("correlation of alignment with accuracy", 0.0, own["low"] or 0.0),
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def draw(
    found: Sequence[Aligned], accuracy: Mapping[str, float], layer: int, path: Path
) -> None:
    """Alignment against accuracy, and alignment by layer of the best and the worst."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for one in found:
        place = one.of(SCORE)[layer], accuracy[one.language]
        left.scatter(*place, s=12, color="tab:blue")
        left.annotate(
            one.language, place, fontsize=6, xytext=(2, 2), textcoords="offset points"
        )
    left.set(xlabel=f"alignment at layer {layer}", ylabel="accuracy, zero-shot")
    order = sorted(found, key=lambda one: accuracy[one.language])
    thirds = np.array_split(np.arange(len(order)), 3)
    for rows, name in zip(thirds, ("lowest", "middle", "highest"), strict=True):
        values = np.asarray([order[n].of(SCORE) for n in rows])
        right.plot(values.mean(0), label=f"{name} third by accuracy")
        low, high = np.quantile(values, (0.25, 0.75), axis=0)
        right.fill_between(range(values.shape[1]), low, high, alpha=0.15)
    right.set(xlabel="layer (0: embeddings)", ylabel="alignment")
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
