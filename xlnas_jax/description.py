"""Tables of what an experiment spans: space, costs and limits, languages."""

import jax
import numpy as np
from rich.table import Table

from xlnas_jax.data.pairs import read_translations
from xlnas_jax.data.sources import read_texts
from xlnas_jax.data.tokens import fertility, unk_rate
from xlnas_jax.experiment import Experiment, TaskPart
from xlnas_jax.languages import Split
from xlnas_jax.languages import name as language_name
from xlnas_jax.objectives import ALIGNMENT, SOURCE
from xlnas_jax.space.constraints import is_feasible, limits, shown, without_latency
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.taxonomy import STRATEGIES

SAMPLES = 10_000


def describe(experiment: Experiment) -> list[Table]:
    """Taxonomy, space, costs, and of each task languages and rows.

    No target label is used.
    """
    tables = [_taxonomy(experiment), _space(experiment), _costs(experiment)]
    for part in experiment.parts:
        tables += [_languages(experiment, part), _rows(experiment, part)]
    return [*tables, _objectives(experiment)]


def _taxonomy(experiment: Experiment) -> Table:
    """What is searched for, where, and how."""
    table = Table(title="Search", title_justify="left", show_header=False)
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
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _space(experiment: Experiment) -> Table:
    space = experiment.space
    table = Table(title=f"Space: {space.size:,} networks", title_justify="left")
    for heading in ("knob", "choices", "sites"):
        table.add_column(heading)
    for knob in space.knobs:
        table.add_row(knob.name, ", ".join(map(str, knob.choices)), str(knob.sites))
    table.add_row("min_layers", str(space.min_layers), "")
    return table


def _costs(experiment: Experiment) -> Table:
    """Range of every cost over the space, limits, and the share they leave."""
    space, config = experiment.space, experiment.config.constraints
    archs = space.sample_valid(jax.random.key(0), SAMPLES)
    rows = np.asarray(space.flatten(archs))
    largest = np.asarray(space.flatten(space.largest()))[None]
    smallest, full = experiment.costs.smallest(), experiment.costs(largest)
    known = config if experiment.costs.latency else without_latency(config)
    share = is_feasible(rows, experiment.costs, known).mean()
    table = Table(
        title=f"Costs for {experiment.costs.length} tokens; {share:.1%} of "
        f"{SAMPLES:,} random networks are within the limits",
        title_justify="left",
    )
    table.add_column("cost")
    for heading in ("smallest", "full network", "limit"):
        table.add_column(heading, justify="right")
    given = limits(config)
    for name, value in smallest.items():
        limit = shown(given[name]) if name in given else "-"
        title = name
        if name == LATENCY:
            title = f"{name} of {experiment.costs.batch_size} inputs, predicted"
        table.add_row(title, shown(value), shown(full[name][0]), limit)
    if LATENCY in given and experiment.costs.latency is None:
        limit = shown(given[LATENCY])
        table.add_row(f"{LATENCY} (not measured yet)", "-", "-", limit)
    return table


def _objectives(experiment: Experiment) -> Table:
    """What is minimised, and what is read for it beside auxiliary dev splits."""
    table = Table(title="Objectives, all minimised", title_justify="left")
    for heading in ("objective", "what it is", "measured for it"):
        table.add_column(heading)
    for objective in experiment.objectives:
        read = "nothing" if objective.is_cost else "auxiliary dev"
        if SOURCE in objective.needs:
            read += ", source dev"
        if ALIGNMENT in objective.needs:
            read += f", translations: {_translations(experiment)}"
        table.add_row(objective.name, objective.meaning, read)
    return table


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


def _languages(experiment: Experiment, part: TaskPart) -> Table:
    """Role, tokens per word, unknown tokens, and sub-word distance from the source.

    The distance is the share of a language's tokens that never occur in the
    source's text: no labels, no typology, only what the tokenizer sees.
    """
    roles, tokenizer = part.roles, part.tokenizer
    title = f"Languages of {part.task.kind} (texts without labels)"
    if len(experiment.parts) > 1:
        title = f"{part.name}: {title}"
    table = Table(title=title, title_justify="left")
    table.add_column("language")
    table.add_column("role")
    for heading in ("tokens per word", "<unk> %", "sub-word distance"):
        table.add_column(heading, justify="right")
    known = _ids(part, roles.source)
    for code in roles.all:
        texts = _texts(part, code)
        ids = _ids(part, code)
        distance = 1.0 - np.isin(ids, known).mean()
        table.add_row(
            f"{part.codes[code]} {language_name(code)}",
            roles.role_of(code),
            f"{fertility(tokenizer, texts):.2f}",
            f"{100 * unk_rate(tokenizer, texts):.1f}",
            f"{distance:.2f}",
        )
    return table


def _rows(experiment: Experiment, part: TaskPart) -> Table:
    """What becomes of the rows of the split that each language's role looks at."""
    title = "Rows"
    if len(experiment.parts) > 1:
        title = f"{part.name}: {title}"
    table = Table(title=title, title_justify="left")
    table.add_column("language")
    table.add_column("split")
    for heading in ("rows", "used", "over the limit", "faulty"):
        table.add_column(heading, justify="right")
    table.add_column("known quirks")
    for code in part.roles.all:
        split = _split_of(part, code)
        report = part.source.read(code, split).report
        notes = ", ".join(f"{count} {kind}" for kind, count in report.notes.items())
        faulty = sum(report.rejected.values())
        counts = (report.rows, report.kept, report.limited, faulty)
        table.add_row(part.codes[code], split, *map(str, counts), notes)
    return table


def _split_of(part: TaskPart, code: str) -> Split:
    """The split that a language's role looks at."""
    splits: dict[str, Split] = {"aux_heldout": "dev", "target": "test"}
    return splits.get(part.roles.role_of(code), "train")


def _texts(part: TaskPart, code: str) -> tuple[str, ...]:
    """Texts of the split that a language's role looks at, without labels."""
    return read_texts(part.source, code, _split_of(part, code))


def _ids(part: TaskPart, code: str) -> np.ndarray:
    """All token ids of a language's text."""
    encoded = part.tokenizer.encode(_texts(part, code))
    return np.concatenate([np.asarray(item.ids) for item in encoded])
