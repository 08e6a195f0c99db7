"""Texts of a run that a network is watched by: no label of them is looked at."""

import warnings
import zlib
from collections.abc import Sequence
from typing import Any

from xlnas_jax.data import sources
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.unlabelled import read_texts
from xlnas_jax.export.monitored import Reference, count, observe_all
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import CheckpointError, ConfigError, DataError

# Of all languages together; the same ones in every run.
MOST = 512
Pair = tuple[Any, str | None]


def find_reference(
    experiment: Experiment, part: TaskPart, subnet: Subnet
) -> Reference | None:
    """Counts of what the network makes of texts of its run.

    None, with a warning, where the data of the run are no longer there.
    """
    try:
        chosen = choose(_own(experiment, part))
        return _measured(subnet, chosen) if chosen else None
    except (DataError, ConfigError, CheckpointError) as error:
        warnings.warn(
            f"the model is written without what a server notices drift by, since "
            f"texts of its run cannot be read: {error}",
            stacklevel=2,
        )
        return None


def _measured(subnet: Subnet, chosen: Sequence[Pair]) -> Reference:
    texts = [text for text, _ in chosen]
    others = [other for _, other in chosen if other is not None]
    asked = subnet.ask(texts, others or None)
    found = asked.answers(subnet.run(asked))
    return count(observe_all(texts, asked, found, subnet.tokenizer.unk_id))


def choose(pairs: Sequence[Pair]) -> list[Pair]:
    """So many of them at most, by a hash: of every language some."""
    distinct = list(dict.fromkeys(pairs))
    order = sorted(
        range(len(distinct)), key=lambda n: (zlib.crc32(repr(distinct[n]).encode()), n)
    )
    return [distinct[n] for n in sorted(order[:MOST])]


def _own(experiment: Experiment, part: TaskPart) -> list[Pair]:
    """Dev splits of auxiliary languages, and text without labels."""
    found: list[Pair] = []
    is_labelled = not part.task.gives_vectors
    for code in (*part.roles.aux_train, *part.roles.aux_heldout) if is_labelled else ():
        found += _texts(sources.read(part.source, part.roles, code, "dev", "search"))
    is_split = part.task.kind == "tagging"
    for one in read_texts(experiment, part):
        pairs = one.kept.pairs or (None,) * len(one.kept)
        for text, pair in zip(one.kept.texts, pairs, strict=True):
            found.append((tuple(text.split()) if is_split else text, pair))
    return found


def _texts(examples: AnyExamples) -> list[Pair]:
    match examples:
        case Examples():
            pairs = examples.pairs or (None,) * len(examples.texts)
            return list(zip(examples.texts, pairs, strict=True))
        case QuestionExamples():
            return list(zip(examples.questions, examples.contexts, strict=True))
        case TaggedExamples():
            return [(tuple(words), None) for words in examples.words]
    return []
