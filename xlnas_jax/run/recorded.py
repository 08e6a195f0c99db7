"""What an experiment is made of, kept with its run: labels, tokenizer, sizes.

With it a network of a finished run is exported without its data, its source model or
its working directory; and a run that goes on notices that it would go on with others.
"""

import contextlib
import dataclasses
import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.config.config import Config
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.data import sources
from xlnas_jax.data.batches.rows import with_max_length
from xlnas_jax.data.examples import AnyExamples, Source
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.experiment.prepare import assemble
from xlnas_jax.experiment.unlabelled import is_paired
from xlnas_jax.export.artifact.facts import model_licence
from xlnas_jax.files import MAX_BYTES, read_json, sync, write_json
from xlnas_jax.languages.roles import LanguageRoles, Split
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.words import WordRows
from xlnas_jax.storage.listing import (
    crc32,
    damaged,
    list_files,
    parse_entries,
    read_listed_json,
    require_listed,
)
from xlnas_jax.storage.rundir import FACTS
from xlnas_jax.supernet.families.registry import shape_from
from xlnas_jax.types import CheckpointError, XlnasError, brief

FILE = FACTS
# Sizes and checksums of all that was kept.
LIST = "manifest.json"
# Which rows of the word table pieces have, where networks differ in it.
WORDS = "words.npy"
FORMAT = 1
_ADVICE = "Restore the run's directory, or search again in another one."


def record(experiment: Experiment, directory: Path) -> None:
    """Keep an experiment in a new directory, all of it or nothing."""
    temporary = directory.with_name(f".{directory.name}.tmp")
    if temporary.is_symlink():
        temporary.unlink()
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        _longest(experiment).save(temporary)
        words = experiment.shape.words
        if words is not None:
            np.save(temporary / WORDS, words.rows, allow_pickle=False)
        facts = _facts(experiment)
        for part in experiment.parts:
            facts["tasks"][part.name]["is_paired"] = is_paired(part)
        write_json(temporary / FILE, facts)
        files = list_files(temporary, crc32)
        write_json(temporary / LIST, {"format": FORMAT, "files": files})
        sync(temporary)
        temporary.replace(directory)
    except OSError:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)
        raise
    sync(directory.parent)


def require_same(experiment: Experiment, directory: Path) -> None:
    """An error where a run would go on with other labels, tokens or sizes.

    Raises:
        CheckpointError: data or model have changed since the run began.
    """
    recorded = _read(directory)
    for task in recorded["tasks"].values():
        task.pop("is_paired", None)
    facts = _facts(experiment)
    names = [name for name in facts if facts[name] != recorded.get(name)]
    ours, theirs = _longest(experiment), _tokenizer(directory)
    if (ours.to_text(), ours.max_length) != (theirs.to_text(), theirs.max_length):
        names.append("tokenizer")
    if names:
        raise CheckpointError(
            f"{directory.parent}: data and model must be those that the run began "
            f"with; got other {', '.join(names)}. Restore them, or use another run "
            f"directory."
        )


def recall(config: Config, directory: Path) -> Experiment:
    """The experiment that was kept; its data are looked for when they are read.

    Raises:
        CheckpointError: nothing was kept there, or it does not fit the configuration.
    """
    facts, tokenizer = _read(directory), _tokenizer(directory)
    try:
        shape = _with_words(shape_from(facts["shape"]), config, directory)
        found = {
            name: _recall_part(task, facts["tasks"][name], config.skip_bad_rows)
            for name, task in config.every_task.items()
        }
        kept = facts.get("vocabulary")
        vocabulary = None if kept is None else Vocabulary.from_dict(kept)
        experiment = assemble(config, found, tokenizer, shape, vocabulary)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{directory / FILE}: must describe this run's tasks and model; got "
            f"{type(error).__name__}: {brief(str(error))}. {_ADVICE}"
        ) from error
    licence, origin = facts.get("model_licence"), facts["model_origin"]
    return dataclasses.replace(
        experiment,
        model_licence=licence if isinstance(licence, str) else "",
        model_origin=origin if isinstance(origin, str) else "",
    )


def _with_words(shape: EncoderShape, config: Config, directory: Path) -> EncoderShape:
    """With the rows of the word table that pieces have, where networks differ in them.

    Its file was held against its checksum with all others.
    """
    shares = config.space.vocabulary
    if not shares:
        return shape
    try:
        rows = np.load(directory / WORDS, allow_pickle=False)
        words = WordRows(shares, rows, int(rows.max()) + 1)
    except (OSError, ValueError) as error:
        raise damaged(directory, f"{WORDS} must hold rows of words: {error}") from error
    return dataclasses.replace(shape, words=words)


def _recall_part(
    task: TaskConfig, facts: Mapping[str, Any], skip: bool
) -> tuple[LanguageRoles, Source]:
    roles = LanguageRoles.from_config(task.languages)

    @functools.cache
    def make() -> Source:
        return sources.make_source(task.data, roles, skip_bad_rows=skip)

    def read(language: str, split: Split) -> AnyExamples:
        return make().read(language, split)

    source = Source(
        labels=tuple(str(label) for label in facts["labels"]),
        languages=lambda: make().languages(),
        read=read,
        task=str(facts["kind"]),
        licence=str(facts["licence"]),
        is_paired=bool(facts["is_paired"]),
    )
    return roles, source


def _facts(experiment: Experiment) -> dict[str, Any]:
    """What does not follow from the configuration alone, as JSON has it."""
    vocabulary, words = experiment.vocabulary, experiment.shape.words
    return {
        "format": FORMAT,
        "shape": experiment.shape.as_dict(),
        "vocabulary": None if vocabulary is None else vocabulary.as_dict(),
        "words": None if words is None else words.checksum,
        "tasks": {
            part.name: {
                "kind": part.task.kind,
                "labels": list(part.task.labels),
                "licence": part.source.licence,
            }
            for part in experiment.parts
        },
        "model_licence": model_licence(experiment),
        "model_origin": experiment.model_origin,
    }


def _longest(experiment: Experiment) -> Tokenizer:
    """The tokenizer that all tasks share, with the most tokens that any keeps."""
    most = max(part.tokenizer.max_length for part in experiment.parts)
    return with_max_length(experiment.parts[0].tokenizer, most)


def _read(directory: Path) -> dict[str, Any]:
    """The facts, once everything that was kept is known to be as it was written."""
    listed = read_listed_json(directory, LIST, MAX_BYTES).get("files")
    entries = parse_entries(listed, directory)
    if FILE not in entries:
        raise damaged(directory, f"{LIST} must list {FILE}; it does not")
    require_listed(directory, entries, crc32)
    facts = read_json(directory / FILE, CheckpointError, _ADVICE, follow=False)
    tasks = facts.get("tasks")
    is_sound = isinstance(tasks, dict) and all(
        isinstance(task, dict) for task in tasks.values()
    )
    if facts.get("format") != FORMAT or not is_sound:
        raise CheckpointError(
            f"{directory / FILE}: must be of format {FORMAT} and hold the run's tasks; "
            f"got {brief(facts)}. {_ADVICE}"
        )
    # Kept since there are weights that are not the hub's.
    return {"model_origin": "", **facts}


def _tokenizer(directory: Path) -> Tokenizer:
    try:
        return Tokenizer.load(directory)
    except XlnasError as error:
        raise CheckpointError(str(error)) from error
