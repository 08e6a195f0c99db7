"""Official scores, on the host, from what `Task.predict` read off the device.

Predictions come bucket by bucket; they are put back into the order of the
examples, decoded, and scored by the rules of the field.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.mapping.mining import agreement, mine
from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.alignment.measures.retrieval import hits_at_1
from xlnas_jax.data import sources
from xlnas_jax.data.batches.pair_rows import translations
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    PairExamples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.languages.codes import normalise
from xlnas_jax.tasks import answers, entities, mlqa, squad, trivial
from xlnas_jax.tasks.base import LOW, Task
from xlnas_jax.tasks.tagging import OUTSIDE, has_entities

Row = Mapping[str, Any]


class Scores(NamedTuple):
    """One network's scores on one language.

    Attributes:
        metrics: official metrics by name, each in [0, 1]; NaN where a logit of the
            network was not finite.
        ids: of the items that `items` holds statistics of.
        items: statistics of each item, whose sum over items `from_sums` turns into
            the task's primary metric; for paired comparisons.
    """

    metrics: dict[str, float]
    ids: tuple[str, ...]
    items: Float[np.ndarray, "item stat"]


# `(language, vectors, their translations') -> both`, before they are compared.
Moved = Callable[[str, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def score_predictions(
    task: Task,
    data: ScoringData,
    outputs: Sequence[Mapping[str, Any]],
    moved: Moved | None = None,
) -> list[Scores]:
    """Scores of each language of the data, in its order.

    Args:
        moved: what is done to vectors of translations first.
    """
    rows = _in_order(data, outputs)
    start, found = 0, []
    for examples in data.examples:
        stop = start + len(examples)
        chosen = [
            number
            for number, example in enumerate(data.rows.example)
            if start <= example < stop
        ]
        others = _beside(data, examples, start)
        is_sound = all(rows[number]["is_sound"] for number in (*chosen, *others))
        if isinstance(examples, PairExamples):
            ours, theirs = (
                np.stack([rows[n]["vector"] for n in side]) for side in (chosen, others)
            )
            if moved is not None:
                ours, theirs = moved(examples.language, ours, theirs)
            scores = score_pairs(examples, ours, theirs, is_sound)
        else:
            scores = _score(task, examples, data, rows, chosen, start)
        found.append(scores if is_sound else _without(scores))
        start = stop
    return found


def _beside(data: ScoringData, examples: AnyExamples, start: int) -> list[int]:
    """The rows of the examples' translations, if they have some."""
    if not isinstance(examples, PairExamples):
        return []
    other = translations(data.rows, sum(map(len, data.examples)))
    return other[start : start + len(examples)].tolist()


def _without(scores: Scores) -> Scores:
    """No scores: the network's logits are not all finite, and decode to anything."""
    metrics = dict.fromkeys(scores.metrics, float("nan"))
    return scores._replace(metrics=metrics, items=np.full_like(scores.items, np.nan))


def from_sums(kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """Of a kind of task: from summed item statistics to the primary metric."""
    if kind == "tagging":
        return entities.micro_f1
    return lambda sums: sums[..., 0] / np.maximum(sums[..., 1], 1.0)


def _in_order(
    data: ScoringData, outputs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What was predicted of each row, in the order of the rows."""
    found: list[dict[str, Any]] = [{} for _ in range(len(data.rows))]
    for plan, bucket in zip(data.plans, outputs, strict=True):
        arrays = {name: np.asarray(value) for name, value in bucket.items()}
        for place in np.argwhere(plan.weight > 0):
            row = found[plan.rows[tuple(place)]]
            for name, value in arrays.items():
                row[name] = value[tuple(place)]
    return found


def _score(
    task: Task,
    examples: Examples | TaggedExamples | QuestionExamples,
    data: ScoringData,
    rows: list[dict[str, Any]],
    chosen: list[int],
    start: int,
) -> Scores:
    if isinstance(examples, Examples):
        predicted = np.asarray([rows[number]["label"] for number in chosen])
        return score_classes(examples, predicted, len(task.labels))
    if isinstance(examples, TaggedExamples):
        tags = [rows[number]["tag"] for number in chosen]
        names = (*task.labels, entities.UNTAGGED)
        predicted_tags = [
            [names[tag] for tag in _fill(row, len(words), task)]
            for row, words in zip(tags, examples.words, strict=True)
        ]
        return score_tags(examples, predicted_tags, task.labels)
    texts = _answer_texts(examples, data, rows, chosen, start)
    return score_answers(examples, texts)


def _fill(row: np.ndarray, num_words: int, task: Task) -> np.ndarray:
    """One tag a word; words beyond the row's width have none."""
    outside = OUTSIDE in task.labels
    fill = task.labels.index(OUTSIDE) if outside else len(task.labels)
    tags = np.full(num_words, fill)
    tags[: len(row)] = row[:num_words]
    return tags


def _answer_texts(
    examples: QuestionExamples,
    data: ScoringData,
    rows: list[dict[str, Any]],
    chosen: list[int],
    start: int,
) -> list[str]:
    """The best answer to each question over all windows of its context."""
    windows: list[list[answers.Window]] = [[] for _ in range(len(examples))]
    for number in chosen:
        row, cut = rows[number], data.rows.windows[number]
        offsets = np.full((len(cut.ids), 2), -1, np.int64)
        offsets[cut.first : cut.last] = cut.offsets
        found = {}
        for name in ("start", "end"):
            # A short context has fewer tokens than positions are read back.
            is_context = row[f"{name}_logit"] > LOW / 2
            found[name] = row[name][is_context]
            found[f"{name}_logit"] = row[f"{name}_logit"][is_context]
        window = answers.Window(offsets=offsets, **found)
        windows[data.rows.example[number] - start].append(window)
    return [
        answers.best_answer(context, found).text
        for context, found in zip(examples.contexts, windows, strict=True)
    ]


def score_classes(examples: Examples, predicted: np.ndarray, num: int) -> Scores:
    """Accuracy and macro-F1 over the classes that occur in gold or prediction."""
    table = np.zeros((num, num))
    np.add.at(table, (examples.labels, predicted), 1)
    total = table.sum(0) + table.sum(1)
    f1 = 2 * table.diagonal()[total > 0] / total[total > 0]
    is_right = (predicted == examples.labels).astype(float)
    metrics = {"accuracy": float(is_right.mean()), "macro_f1": float(f1.mean())}
    return Scores(metrics, examples.ids, _with_count(is_right))


def score_tags(
    examples: TaggedExamples,
    predicted: Sequence[Sequence[str]],
    labels: tuple[str, ...],
) -> Scores:
    """Entity F1, lenient as in XTREME and strict; of plain tags, accuracy."""
    gold = [[labels[tag] for tag in tags] for tags in examples.tags]
    metrics = {"accuracy": entities.token_accuracy(gold, predicted)}
    if not has_entities(labels):
        return Scores(metrics, examples.ids, _floats(gold, predicted, False))
    lenient = entities.entity_score(gold, predicted)
    strict = entities.entity_f1(gold, predicted, strict=True)
    metrics = {
        "f1": lenient.f1,
        "precision": lenient.precision,
        "recall": lenient.recall,
        "strict_f1": strict,
        **metrics,
    }
    return Scores(metrics, examples.ids, _floats(gold, predicted, True))


def _floats(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], spans: bool
) -> Float[np.ndarray, "item stat"]:
    count = entities.entity_counts if spans else entities.tag_counts
    return count(gold, predicted).astype(float)


def score_answers(examples: QuestionExamples, texts: Sequence[str]) -> Scores:
    """SQuAD v1.1 scores; by MLQA's rules too, where it has some for the language."""
    golds = [[answer.text for answer in given] for given in examples.answers]
    exact, f1 = squad.scores(list(texts), golds).T
    both = (exact + f1) / 2
    metrics = {
        "score": float(both.mean()),
        "f1": float(f1.mean()),
        "exact_match": float(exact.mean()),
    }
    language = normalise(examples.context_language).split("-")[0]
    if language in mlqa.LANGUAGES:
        exact, f1 = mlqa.scores(list(texts), golds, language).T
        metrics |= {
            "mlqa_f1": float(f1.mean()),
            "mlqa_exact_match": float(exact.mean()),
        }
    return Scores(metrics, examples.ids, _with_count(both))


def score_pairs(
    examples: PairExamples,
    ours: Float[np.ndarray, "pair model"],
    theirs: Float[np.ndarray, "pair model"],
    is_sound: bool = True,
) -> Scores:
    """P@1 of both directions, and F1 of the pairs that margins find among all texts.

    Args:
        is_sound: all vectors are finite; of others nothing is computed.
    """
    hits = np.zeros((2, len(examples)))
    f1 = 0.0
    if is_sound:
        scores = cosines(ours, theirs)
        hits = np.stack([hits_at_1(scores), hits_at_1(scores.T)])
        gold = [(n, n) for n in range(len(examples))]
        f1 = agreement(mine(ours, theirs), gold).f1
    to_source, from_source = hits.mean(-1)
    metrics = {
        "p_at_1": float(hits.mean()),
        "to_source": float(to_source),
        "from_source": float(from_source),
        "mining_f1": float(f1),
    }
    return Scores(metrics, examples.ids, _with_count(hits.mean(0)))


def _with_count(values: Float[np.ndarray, " item"]) -> Float[np.ndarray, "item 2"]:
    return np.stack([values, np.ones_like(values)], axis=-1)


def trivial_scores(part: TaskPart, examples: Sequence[AnyExamples]) -> list[float]:
    """The primary metric of the baseline without a network, by language."""
    found = []
    known = None
    for one in examples:
        if isinstance(one, Examples):
            found.append(trivial.majority_share(one.labels.tolist()))
            continue
        if isinstance(one, PairExamples):
            found.append(1.0 / len(one))
            continue
        if isinstance(one, QuestionExamples):
            pairs = zip(one.questions, one.contexts, strict=True)
            texts = [trivial.likeliest_sentence(*pair) for pair in pairs]
            found.append(score_answers(one, texts).metrics[part.task.primary])
            continue
        labels = part.task.labels
        if known is None:
            code = part.roles.source
            source = sources.read(part.source, part.roles, code, "train", "train")
            assert isinstance(source, TaggedExamples)
            known = source.words, [[labels[t] for t in tags] for tags in source.tags]
        predicted = trivial.tag_by_word(*known, one.words)
        found.append(score_tags(one, predicted, labels).metrics[part.task.primary])
    return found
