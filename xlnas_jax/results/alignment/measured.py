"""Every measure of alignment, of each language with the source, at every layer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.alignment.measures.combined import with_error
from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.config.transfer import IdPairs, SetPairs
from xlnas_jax.data.pairs import Translation, read_text_pairs
from xlnas_jax.evaluation.layers import encode_layers
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.terminal.report import Report, unheard

# The one that layers are compared by, and that is given an error.
SCORE = "score"


class Aligned(NamedTuple):
    """One language and the source.

    Attributes:
        num_pairs: translations.
        layers: of the embeddings, then of every layer: each measure by name, and
            `score_error`, the standard error of the combined score.
    """

    language: str
    num_pairs: int
    layers: list[dict[str, float]]

    def of(self, measure: str) -> list[float]:
        """One measure at every layer."""
        return [layer[measure] for layer in self.layers]


def parallel_of(experiment: Experiment) -> IdPairs | SetPairs:
    """Where translations come from; rows with the same id, if it is not said."""
    return experiment.config.transfer.parallel or IdPairs()


def measure_alignment(
    experiment: Experiment,
    part: TaskPart,
    params: SupernetParams,
    languages: Sequence[str],
    most: int,
    report: Report = unheard,
) -> list[Aligned]:
    """Of some languages with a role; no label is read.

    Args:
        params: of the full network.
        most: translations of each that are used at most.
        report: is told how many batches of texts, then how many languages, are done.

    Raises:
        DataError: a language has too few, or its vectors cannot be compared.
    """
    skip = experiment.config.skip_bad_rows
    given = parallel_of(experiment), part.source, part.roles
    pairs = {code: read_text_pairs(*given, code, most, skip) for code in languages}
    vectors = _vectors(experiment, part, params, pairs, report)
    found = []
    for number, (code, (ours, theirs)) in enumerate(vectors.items()):
        report("measuring languages", number, len(vectors))
        found.append(Aligned(code, len(pairs[code]), _by_layer(ours, theirs)))
    report("measuring languages", len(vectors), len(vectors))
    return found


def to_document(part: TaskPart, model: str, found: Sequence[Aligned]) -> dict[str, Any]:
    """What is written to a file: the meaning of every measure, and all numbers."""
    return {
        "model": model,
        "source": part.codes[part.roles.source],
        "measures": {
            one.name: {"meaning": one.meaning, "is_better_high": one.is_better_high}
            for one in MEASURES.values()
        },
        "languages": {
            part.codes[one.language]: {
                "role": part.roles.role_of(one.language),
                "pairs": one.num_pairs,
                "layers": one.layers,
            }
            for one in found
        },
    }


def best_layer(found: Sequence[Aligned]) -> int:
    """The layer with the highest mean of the combined score."""
    return int(np.mean([one.of(SCORE) for one in found], axis=0).argmax())


def _vectors(
    experiment: Experiment,
    part: TaskPart,
    params: SupernetParams,
    pairs: Mapping[str, Sequence[Translation]],
    report: Report,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of every language, vectors of the source's sentences and of its own.

    A sentence of the source is run once, whatever it is translated into.
    """
    texts: dict[tuple[str, str], int] = {}
    source = part.roles.source
    for code, own in pairs.items():
        for pair in own:
            texts.setdefault((source, pair.source), len(texts))
            texts.setdefault((code, pair.target), len(texts))
    every = [text for _, text in texts]
    vectors = encode_layers(experiment, part, params, every, report)
    return {
        code: (
            vectors[:, [texts[source, pair.source] for pair in own]],
            vectors[:, [texts[code, pair.target] for pair in own]],
        )
        for code, own in pairs.items()
    }


def _by_layer(ours: np.ndarray, theirs: np.ndarray) -> list[dict[str, float]]:
    layers = []
    for x, y in zip(ours, theirs, strict=True):
        found = {name: one.run(x, y) for name, one in MEASURES.items()}
        error = with_error(MEASURES[SCORE].run, x, y).error
        layers.append({**found, "score_error": error})
    return layers
