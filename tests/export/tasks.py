"""An experiment on three tasks, one of each kind, whose data are invented."""

import dataclasses
from functools import cache
from typing import Any

import jax
import numpy as np

from tests.experiments import tiny_config
from xlnas_jax.config.data import SetData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.examples import (
    Answer,
    AnyExamples,
    Examples,
    QuestionExamples,
    Source,
    TaggedExamples,
)
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.results.finish import Tested, report
from xlnas_jax.space.cost import CostModel
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.tasks.registry import make_task

TAGS = ("O", "B-LOC", "I-LOC")
CLASSES = ("bad", "good")
LANGUAGES = LanguagesConfig(
    source="eng", aux_train=("fr",), aux_heldout=("pt",), target=("sw", "fi")
)
WORDS = ("the", "river", "city", "of", "many", "old", "new", "people", "walk", "by")


def _sentences(language: str, split: str, num: int) -> list[list[str]]:
    seed = sum(map(ord, language + split))
    rng = np.random.default_rng(seed)
    return [list(rng.choice(WORDS, rng.integers(2, 18))) for _ in range(num)]


def _classified(language: str, split: Any) -> Examples:
    words = _sentences(language, split, 24)
    return Examples(
        language=language,
        split=split,
        ids=tuple(map(str, range(len(words)))),
        texts=tuple(" ".join(one) for one in words),
        labels=np.asarray(["old" in one for one in words], np.int32),
        pairs=tuple(one[0] for one in words),
    )


def _tagged(language: str, split: Any) -> TaggedExamples:
    words = _sentences(language, split, 20)
    return TaggedExamples(
        language=language,
        split=split,
        ids=tuple(map(str, range(len(words)))),
        words=tuple(map(tuple, words)),
        tags=tuple(np.asarray([w == "city" for w in one], np.int32) for one in words),
    )


def _questions(language: str, split: Any) -> QuestionExamples:
    contexts = [" ".join(one) + " city." for one in _sentences(language, split, 12)]
    return QuestionExamples(
        language=language,
        context_language=language,
        split=split,
        ids=tuple(map(str, range(len(contexts)))),
        questions=("where do people walk",) * len(contexts),
        contexts=tuple(contexts),
        answers=tuple((Answer("city", one.index("city")),) for one in contexts),
    )


READ = {"classification": _classified, "tagging": _tagged, "qa": _questions}
LABELS = {"classification": CLASSES, "tagging": TAGS, "qa": ()}


def _part(kind: str, tokenizer: Any) -> TaskPart:
    roles = LanguageRoles.from_config(LANGUAGES)

    def read(language: str, split: Any) -> AnyExamples:
        return READ[kind](language, split)

    has_own = kind == "tagging"
    given = TaskConfig(LANGUAGES, SetData(f"invented {kind}"), language_heads=has_own)
    return TaskPart(
        name=kind,
        config=given,
        tokens=TokensConfig(max_length=24, doc_stride=6, num_buckets=2),
        roles=roles,
        codes={code: "eng" if code == "en" else code for code in roles.all},
        source=Source(LABELS[kind], lambda: roles.all, read, kind, "CC0-1.0"),
        task=make_task(kind, LABELS[kind], 16),
        tokenizer=tokenizer,
        own_heads=("en", "fr") if has_own else (),
    )


@cache
def three_tasks() -> Experiment:
    """Classification of pairs, tagging with language heads, question answering."""
    from xlnas_jax.data.tokens.unigram import train_tokenizer
    from xlnas_jax.experiment.encoder import scratch_shape
    from xlnas_jax.objectives.objectives import make_objectives
    from xlnas_jax.supernet.chain import make_space

    base = tiny_config()
    texts = [" ".join(words) for words in _sentences("en", "train", 200)]
    tokenizer = train_tokenizer(texts, vocab_size=60, max_length=24)
    parts = tuple(_part(kind, tokenizer) for kind in READ)
    tasks = {part.name: part.config for part in parts}
    config = dataclasses.replace(base, languages=None, data=None, tasks=tasks)
    shape = scratch_shape(config.model, tokenizer, 24)
    space = make_space(config.space, shape)
    heads = tuple(part.head_size for part in parts)
    costs = CostModel(space, shape, heads, config.cost.length)
    objectives = make_objectives(config.search.objectives)
    return Experiment(config, parts, shape, space, costs, objectives)


@cache
def noisy_params() -> SharedParams:
    """Weights far from a start, whose predictions differ from text to text."""
    params = init_params(three_tasks())
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: leaf + rng.normal(0, 0.3, leaf.shape).astype(np.float32), params
    )


@cache
def chosen_row() -> tuple[int, ...]:
    """One architecture, smaller than the full network."""
    space = three_tasks().space
    row = np.asarray(space.flatten(space.sample_valid(jax.random.key(4), 1)))[0]
    return tuple(int(index) for index in space.canonical(row[None])[0])


@cache
def reported() -> Tested:
    """What the report at the end of a search says of that architecture."""
    row = np.asarray(chosen_row(), np.int32)
    return report(three_tasks(), [(noisy_params, row)])


def document() -> dict[str, Any]:
    """As much of `front.json` as an export reads, with one point."""
    experiment, row = three_tasks(), np.asarray(chosen_row(), np.int32)
    counts = experiment.costs(row[None])
    (scores,) = reported().networks
    point = {
        "id": experiment.space.identifier(row),
        "architecture": experiment.space.values(row),
        "objectives": {"error": 0.5, "flops": int(counts["flops"][0])},
        "costs": {
            name: int(counts[name][0])
            for name in ("params", "encoder_params", "flops", "memory_bytes")
        },
        "languages": {column: one.metrics for column, one in scores.items()},
    }
    trivial = {"name": "a baseline", "scores": reported().trivial}
    tasks = {part.name: {"trivial": trivial} for part in experiment.parts}
    return {"tasks": tasks, "points": [point], "objectives": ["error", "flops"]}
