"""A finished model's official scores on labelled text."""

import math
from typing import Any

import jax
import numpy as np

from xlnas_jax.data.batches.batches import scoring_batches
from xlnas_jax.data.batches.pair_rows import scoring_pairs
from xlnas_jax.data.batches.rows import make_example_rows
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    PairExamples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.export.ensemble import Ensemble
from xlnas_jax.export.forms.base import Call
from xlnas_jax.export.labelled import Parts
from xlnas_jax.export.score import score_called, score_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.results.scoring import (
    Scores,
    score_answers,
    score_classes,
    score_tags,
)
from xlnas_jax.tasks.registry import make_task
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import CheckpointError

BATCH_TOKENS = 2048
NUM_BUCKETS = 4
DIGITS = 6


def score_model(
    subnet: Subnet, parts: Parts, call: Call | None = None, report: Report = unheard
) -> dict[str, Scores]:
    """Official scores by language; where it has means, of vectors without them.

    Args:
        call: the network as another library runs it, whose vectors stay as they are;
            ours if None.
        report: is told how many batches are done.

    Raises:
        CheckpointError: the model's numbers are not finite.
    """
    examples = tuple(parts.values())
    heads = None
    if subnet.own_heads:
        heads = [subnet.route(one.language) for one in examples]
    tokenizer = subnet.tokenizer
    numbers = range(len(examples))
    pairs = [one for one in examples if isinstance(one, PairExamples)]
    if pairs:
        rows = scoring_pairs(tokenizer, pairs, numbers, len(examples))
    else:
        rows = make_example_rows(tokenizer, examples, numbers, subnet.doc_stride, heads)
    batches, plans = scoring_batches(rows, NUM_BUCKETS, BATCH_TOKENS, tokenizer.pad_id)
    data = ScoringData(jax.device_put(batches), plans, rows, examples)
    task = make_task(subnet.task, subnet.labels, subnet.shape.width)
    if call is None:
        moved = None if subnet.centers is None else subnet.centers.both
        network = subnet.weights, subnet.shape, subnet.pooling
        scores = score_subnet(*network, task, data, moved, report)
    else:
        scores = score_called(call, task, data, report)
    for code, one in zip(parts, scores, strict=True):
        if not all(math.isfinite(value) for value in one.metrics.values()):
            raise CheckpointError(
                f"this model: its numbers must be finite; on {code} they are not, so "
                f"there is nothing to score. Export the model again, from a search "
                f"that did not diverge."
            )
    return dict(zip(parts, scores, strict=True))


def score_ensemble(
    ensemble: Ensemble, parts: Parts, report: Report = unheard
) -> dict[str, Scores]:
    """Official scores by language of what several models predict together."""
    found = {}
    for number, (code, examples) in enumerate(parts.items()):
        report("scoring languages", number, len(parts))
        found[code] = _scored(ensemble, examples)
    report("scoring languages", len(parts), len(parts))
    return found


def _scored(ensemble: Ensemble, examples: AnyExamples) -> Scores:
    labels, language = ensemble.labels, examples.language
    if isinstance(examples, TaggedExamples):
        found = ensemble.predict(examples.words, language=language)
        return score_tags(examples, [one.tags for one in found], labels)
    if isinstance(examples, QuestionExamples):
        given = examples.questions, examples.contexts
        found = ensemble.predict(*given, language=language)
        return score_answers(examples, [one.text for one in found])
    assert isinstance(examples, Examples)  # vectors have no ensemble
    found = ensemble.predict(examples.texts, examples.pairs, language=language)
    predicted = np.asarray([labels.index(one.label) for one in found])
    return score_classes(examples, predicted, len(labels))


def evaluate_model(
    model: Subnet | Ensemble,
    parts: Parts,
    call: Call | None = None,
    report: Report = unheard,
) -> dict[str, dict[str, Any]]:
    """Official metrics by language, and how many examples they rest on."""
    if isinstance(model, Ensemble):
        scores = score_ensemble(model, parts, report)
    else:
        scores = score_model(model, parts, call, report)
    return {
        code: {
            "examples": len(parts[code]),
            **{name: round(value, DIGITS) for name, value in one.metrics.items()},
        }
        for code, one in scores.items()
    }
