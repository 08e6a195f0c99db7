"""Looks at the form of all data before a search, so that none of it ends one.

Targets' rows are used after the last round only. A label outside the set, a missing
file or half a character there would cost the whole search; so all that will be read
is read once before, by `data.sources.inspect`, which gives out no example.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from xlnas_jax.data.augment.learnt import rows_made
from xlnas_jax.data.form import Form
from xlnas_jax.data.pairs import read_translations
from xlnas_jax.data.sources import inspect, read
from xlnas_jax.experiment.few_shot import require_enough
from xlnas_jax.experiment.parts import (
    Experiment,
    TaskPart,
    learns_from_translations,
)
from xlnas_jax.experiment.priors import makes_alike, priors
from xlnas_jax.experiment.translations.translated import (
    PROJECTED,
    projected_of,
    translations_of,
)
from xlnas_jax.experiment.unlabelled import read_texts
from xlnas_jax.languages.roles import Split
from xlnas_jax.objectives.objectives import ALIGNMENT, needs_of
from xlnas_jax.tasks.tagging import OUTSIDE, has_entities
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import brief

MAX_LINES = 8
READING = "reading data"


class Inspected(NamedTuple):
    """The form of one split of one language."""

    language: str
    split: Split
    form: Form


def inspect_part(
    experiment: Experiment, part: TaskPart, report: Report = unheard
) -> tuple[Inspected, ...]:
    """The form of every split of a task that a run reads, by split.

    Args:
        report: is told of every split of every language.

    Raises:
        DataError: one is not there, or, unless faulty rows are passed over, a row of
            it is faulty.
    """
    wanted: list[tuple[str, Split]] = [
        (code, split) for split, _, codes in experiment.reads(part) for code in codes
    ]
    found = []
    for number, (code, split) in enumerate(wanted):
        report(READING, number, len(wanted))
        form = inspect(part.source, part.roles, code, split)
        found.append(Inspected(code, split, form))
    report(READING, len(wanted), len(wanted))
    return tuple(found)


def inspect_data(
    experiment: Experiment, report: Report = unheard
) -> dict[str, tuple[Inspected, ...]]:
    """The form of all data by task; text without labels and translations are read,
    too, where they are used, and training rows augmented.

    Raises:
        DataError: as `inspect_part`; or a language has no text, or too few
            translations.
    """
    found = {
        part.name: inspect_part(experiment, part, report) for part in experiment.parts
    }
    for part in experiment.parts:
        kept = {
            one.language: one.form.report.kept
            for one in found[part.name]
            if one.split == "train"
        }
        require_enough(part, kept)
        if experiment.reads_texts(part):
            read_texts(experiment, part)
        if learns_from_translations(experiment.config):
            source = read(part.source, part.roles, part.roles.source, "train", "train")
            if part.task.kind in PROJECTED:
                projected_of(experiment, part, [source])
            else:
                translations_of(experiment, part)
        if part.source.learnt is not None:
            part.source.learnt()
    if ALIGNMENT in needs_of(experiment.objectives):
        config = experiment.config
        for part in experiment.parts:
            read_translations(
                config.transfer, part.source, part.roles, config.skip_bad_rows
            )
    return found


def check_data(
    experiment: Experiment, say: Callable[[str], None], report: Report = unheard
) -> bool:
    """Reads all data once, says what is odd in it, and remembers none of it.

    Returns:
        True where a search learns from, and is scored on, all rows that there are.

    Raises:
        DataError: as `inspect_data`.
    """
    found = inspect_data(experiment, report)
    for line in remarks(experiment, found):
        say(line)
    return is_whole(found)


def is_whole(found: dict[str, tuple[Inspected, ...]]) -> bool:
    """True where no row of a training or dev split is passed over."""
    return not any(
        one.form.report.rejected
        for every in found.values()
        for one in every
        if one.split != "test"
    )


def remarks(
    experiment: Experiment, found: dict[str, tuple[Inspected, ...]]
) -> list[str]:
    """Rows that are passed over, what is odd or of weight in labels, grown texts."""
    vocabulary = experiment.vocabulary
    lines = list(vocabulary.remarks()) if vocabulary else []
    for part in experiment.parts:
        own = found[part.name]
        said = [*_passed_over(part, own), *oddities(part, own)]
        said += [*_short(part), *known_priors(experiment, part, own)]
        where = f"{part.name}: " if len(experiment.parts) > 1 else ""
        lines += [where + line for line in said]
    return lines


def known_priors(
    experiment: Experiment, part: TaskPart, found: Sequence[Inspected]
) -> list[str]:
    """How labels are distributed by language, where languages are made alike."""
    if not makes_alike(experiment.config):
        return []
    return list(
        priors(
            part, [(one.language, one.form) for one in found if one.split == "train"]
        )
    )


def _passed_over(part: TaskPart, found: Sequence[Inspected]) -> Iterator[str]:
    for one in found:
        report = one.form.report
        if report.rejected:
            reasons = ", ".join(f"{n} {why}" for why, n in report.rejected.items())
            yield (
                f"{part.codes[one.language]}, {one.split}: "
                f"{sum(report.rejected.values())} of {report.rows} rows are passed "
                f"over ({reasons})"
            )


def _short(part: TaskPart) -> Iterator[str]:
    """Entries of `train.augment` that made something of fewer rows than they should."""
    every = part.source.learnt().made if part.source.learnt else ()
    for number, made in enumerate(every):
        asked, count = made.counts["rows asked for"], rows_made(made)
        if count < asked:
            reasons = ", ".join(
                f"{n} {why.removeprefix('dropped: ')}"
                for why, n in made.counts.items()
                if why.startswith("dropped")
            )
            yield (
                f"train.augment[{number}] ({made.kind}): {count} of {asked} rows were "
                f"made ({reasons})"
            )


def oddities(part: TaskPart, found: Sequence[Inspected]) -> list[str]:
    """What is odd in the labels, a line each: one class alone, or in one split alone.

    Labels of targets are told of, too, as counts; what is done does not depend on it.
    """
    lines = [*_single(part, found), *_lonely(part, found)]
    more = len(lines) - MAX_LINES
    return [
        *lines[:MAX_LINES],
        *([f"{more} more like these"] if more > 0 else []),
    ]


def _single(part: TaskPart, found: Sequence[Inspected]) -> Iterator[str]:
    """Splits in which every example has the same label."""
    for one in found:
        labels = [label for label, count in one.form.labels.items() if count]
        if len(labels) == 1 and len(one.form.labels) > 1:
            yield (
                f"{part.codes[one.language]}, {one.split}: every label is "
                f"{brief(labels[0])}, of {len(one.form.labels)}"
            )


def _lonely(part: TaskPart, found: Sequence[Inspected]) -> Iterator[str]:
    """Labels that are in one of the splits alone, whatever the language, or in none."""
    splits: defaultdict[str, set[Split]] = defaultdict(set)
    for one in found:
        for label, count in one.form.labels.items():
            if count:
                splits[label].add(one.split)
    every = {one.split for one in found}
    for label in found[0].form.labels:
        if label == OUTSIDE and has_entities(part.source.labels):
            continue
        where = splits[label]
        if not where:
            yield f"label {brief(label)} is in no split"
        elif len(every) > 1 and len(where) == 1:
            yield f"label {brief(label)} is in {next(iter(where))} alone"
        elif "train" not in where:
            yield f"label {brief(label)} is not in train: it cannot be learnt"
