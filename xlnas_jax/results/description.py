"""Tables of what an experiment spans: space, costs and limits, languages, data."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from xlnas_jax.controllers.registry import STRATEGIES
from xlnas_jax.data.pairs import read_translations
from xlnas_jax.experiment.inspection import (
    Inspected,
    inspect_data,
    known_priors,
    oddities,
)
from xlnas_jax.experiment.parts import (
    Experiment,
    TaskPart,
    learns_from_translations,
)
from xlnas_jax.objectives.objectives import ALIGNMENT, SOURCE, TEACHER
from xlnas_jax.results.augmentation import augmentation_tables
from xlnas_jax.results.languages import make_distance_tables, make_language_table
from xlnas_jax.results.texts import make_text_table, make_translation_table
from xlnas_jax.results.vocabulary import vocabulary_tables
from xlnas_jax.space.constraints import is_feasible, limits, shown, without_latency
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.tasks.tagging import has_entities
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.terminal.text import Grid

SAMPLES = 10_000
# Of a larger label set, so many are listed with their counts.
MAX_LABELS = 24


def describe(experiment: Experiment, report: Report = unheard) -> list[Grid]:
    """Taxonomy, space, costs, and of each task languages, rows and labels.

    Of every split that a search would read, targets' among them, it is shown how many
    rows have each label, as a data set's own description does. That is form: no row
    is shown with its label, nothing is scored, and a search does not look at it.

    Args:
        report: is told how far the reading is, and then of every task.
    """
    tables = [_taxonomy(experiment), _space(experiment), _costs(experiment)]
    found = inspect_data(experiment, report)
    total = len(experiment.parts) + 1
    for number, part in enumerate(experiment.parts):
        report("describing data and languages", number, total)
        where = f"{part.name}: " if len(experiment.parts) > 1 else ""
        tables.append(make_language_table(part, where))
        tables.append(_rows(part, found[part.name], where))
        tables += augmentation_tables(part, where)
        if part.roles.unlabelled and experiment.reads_texts(part):
            tables.append(make_text_table(experiment, part, where))
        if learns_from_translations(experiment.config):
            tables.append(make_translation_table(experiment, part, where))
        if part.source.labels:
            tables.append(_labels(experiment, part, found[part.name], where))
        weights = part.config.languages.distance
        tables += make_distance_tables(part, weights, where)
    report("describing data and languages", total - 1, total)
    tables += vocabulary_tables(experiment)
    report("describing data and languages", total, total)
    return [*tables, _objectives(experiment)]


def _taxonomy(experiment: Experiment) -> Grid:
    """What is searched for, where, and how."""
    space, config = experiment.space, experiment.config
    strategy = STRATEGIES[config.controller.kind]
    given = limits(config.constraints)
    ordered = [k.name for k in space.knobs if k.is_ordered and len(k.choices) > 1]
    free = [k.name for k in space.knobs if not k.is_ordered and len(k.choices) > 1]
    rows = {
        "objectives": ", ".join(one.name for one in experiment.objectives)
        + (" (a front)" if len(experiment.objectives) > 1 else ""),
        "hard limits": ", ".join(f"{n} <= {shown(v)}" for n, v in given.items())
        or "none",
        "space": f"{space.size:,} networks: ordered {', '.join(ordered) or 'none'}"
        + (f"; unordered {', '.join(free)}" if free else ""),
        "strategy": f"{config.controller.kind}: {strategy.family}",
        "learns from": strategy.learns_from,
        "seeks": strategy.seeks,
        "models": strategy.sees,
        "paper": strategy.paper,
    }
    return Grid("Search", ("", ""), list(rows.items()))


def _space(experiment: Experiment) -> Grid:
    space = experiment.space
    rows = [(k.name, ", ".join(map(str, k.choices)), str(k.sites)) for k in space.knobs]
    rows.append(("min_layers", str(space.min_layers), ""))
    title = f"Space: {space.size:,} networks"
    return Grid(title, ("knob", "choices", "sites"), rows)


def _costs(experiment: Experiment) -> Grid:
    """Range of every cost over the space, limits, and the share they leave."""
    space, config = experiment.space, experiment.config.constraints
    archs = space.sample_valid(jax.random.key(0), SAMPLES)
    rows = np.asarray(space.flatten(archs))
    largest = space.largest_row[None]
    smallest, full = experiment.costs.smallest(), experiment.costs(largest)
    known = config if experiment.costs.latency else without_latency(config)
    share = is_feasible(rows, experiment.costs, known).mean()
    title = (
        f"Costs for {experiment.costs.length} tokens; {share:.1%} of {SAMPLES:,} "
        "random networks are within the limits"
    )
    given = limits(config)
    found = []
    for name, value in smallest.items():
        limit = shown(given[name]) if name in given else "-"
        called = name
        if name == LATENCY:
            called = f"{name} of {experiment.costs.batch_size} inputs, predicted"
        found.append((called, shown(value), shown(full[name][0]), limit))
    if LATENCY in given and experiment.costs.latency is None:
        limit = shown(given[LATENCY])
        found.append((f"{LATENCY} (not measured yet)", "-", "-", limit))
    for name, limit in experiment.config.constraints.of_scores.items():
        found.append((f"{name}, once scored", "-", "0", shown(limit)))
    return Grid(title, ("cost", "smallest", "full network", "limit"), found)


def _objectives(experiment: Experiment) -> Grid:
    """What is minimised, and what is read for it beside auxiliary dev splits."""
    rows = []
    for objective in experiment.objectives:
        read = "nothing" if objective.is_cost else "auxiliary dev"
        if SOURCE in objective.needs:
            read += ", source dev"
        if TEACHER in objective.needs:
            own = [code for part in experiment.parts for code in experiment.heard(part)]
            read = ", ".join(["text of auxiliary dev", *dict.fromkeys(own)])
        if ALIGNMENT in objective.needs:
            read += f", translations: {_translations(experiment)}"
        rows.append((objective.name, objective.meaning, read))
    headings = ("objective", "what it is", "measured for it")
    return Grid("Objectives, all minimised", headings, rows)


def _translations(experiment: Experiment) -> str:
    """How many there are of each auxiliary language."""
    config = experiment.config
    found = []
    for part in experiment.parts:
        every = read_translations(
            config.transfer, part.source, part.roles, config.skip_bad_rows
        )
        for code, pairs in zip(part.roles.aux_heldout, every, strict=True):
            found.append(f"{len(pairs)} {experiment.column(part, code)}")
    return ", ".join(found)


def _rows(part: TaskPart, found: Sequence[Inspected], where: str) -> Grid:
    """What becomes of the rows of every split that is read; equal languages at once."""
    rows = defaultdict(list)
    for one in found:
        report = one.form.report
        notes = ", ".join(f"{count} {kind}" for kind, count in report.notes.items())
        faulty = sum(report.rejected.values())
        counts = (report.rows, report.kept, report.limited, faulty)
        rows[one.split, *map(str, counts), notes].append(part.codes[one.language])
    headings = ("split", "rows", "used", "over the limit", "faulty", "known quirks")
    return _by_split(f"{where}Rows", headings, rows)


def _labels(
    experiment: Experiment, part: TaskPart, found: Sequence[Inspected], where: str
) -> Grid:
    """How often each label is in every split that is read; equal languages at once."""
    rows = defaultdict(list)
    for one in found:
        rows[one.split, _listed(one.form.labels)].append(part.codes[one.language])
    counted = "rows of each"
    if part.task.kind == "tagging":
        has_types = has_entities(part.source.labels)
        counted = "entities of each, words of O" if has_types else "words of each"
    title = f"{where}Labels ({len(found[0].form.labels)}): {counted}"
    odd = tuple(f"Odd: {line}." for line in oddities(part, found))
    odd += tuple(f"{line}." for line in known_priors(experiment, part, found))
    return _by_split(title, ("split", "labels"), rows, odd)


def _by_split(
    title: str,
    headings: tuple[str, ...],
    rows: Mapping[tuple[str, ...], list[str]],
    notes: tuple[str, ...] = (),
) -> Grid:
    """A row for each split, and all languages of which the same is to be said."""
    every = [(split, ", ".join(codes), *rest) for (split, *rest), codes in rows.items()]
    first, *others = headings
    return Grid(title, (first, "languages", *others), every, notes)


def _listed(labels: Mapping[str, int]) -> str:
    """Labels with their counts; of very many, the most frequent ones."""
    order = list(labels)
    if len(order) > MAX_LABELS:
        order.sort(key=lambda label: (-labels[label], label))
    text = ", ".join(f"{label}={labels[label]:,}" for label in order[:MAX_LABELS])
    rest = order[MAX_LABELS:]
    if not rest:
        return text
    return f"{text}, and {len(rest)} of at most {labels[rest[0]]:,}"
