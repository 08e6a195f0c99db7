"""From a data file, a model and a budget to a configuration that can be searched."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import parse_config
from xlnas_jax.config.reading.yaml_text import parse_yaml
from xlnas_jax.data.sources import read_texts
from xlnas_jax.drafts.budget import Budget, limit_of, with_cost
from xlnas_jax.drafts.roles import Roles
from xlnas_jax.drafts.seen import SPLITS, Seen
from xlnas_jax.drafts.text import Plan, to_yaml
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.languages.codes import named
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.locate import resolve

# A model from nothing, by the defaults of `ScratchModel`.
SCRATCH = "scratch"
_SHARES = (0.25, 0.5, 0.75, 1.0)
_LENGTH_STEP, _MIN_LENGTH, _MAX_LENGTH = 8, 16, 128
# Texts that lengths are read off, and the share of them that is not cut.
_SAMPLED, _WHOLE = 1000, 0.98
_PASSES, _LEAST_STEPS, _MOST_STEPS = 3, 20, 600
_BATCHES = (8, 16, 32)


@dataclass(frozen=True)
class Draft:
    """The text of a configuration, and what was found out for it.

    Attributes:
        lines: for the terminal.
    """

    text: str
    lines: tuple[str, ...]


def draft(
    path: str, seen: Seen, roles: Roles, model: str, budget: Budget, command: str
) -> Draft:
    """A configuration for what was seen, held against data and model.

    Args:
        path: of the data. model: a directory, a hub id, `package:NAME` or `scratch`.
        command: by which it was asked for.

    Raises:
        XlnasError: there is no such model, or nothing is within the budget.
    """
    section, knobs, facts = _model(model)
    rows = seen.rows[roles.source]["train"]
    batch = max((n for n in _BATCHES if n * 4 <= rows), default=_BATCHES[0])
    steps = min(max(_PASSES * rows // batch, _LEAST_STEPS), _MOST_STEPS)
    plan = Plan(
        header=(f"Drafted from {path} by:", f"  {command}"),
        roles=roles,
        data=seen.data,
        model=section,
        prefix="query: " if "e5" in model.lower() and model != SCRATCH else "",
        max_length=_MAX_LENGTH,
        knobs=knobs,
        limit=(budget.cost, 1e9),
        batch_size=batch,
        steps=steps,
    )
    config = dataclasses.replace(_parsed(to_yaml(plan)), constraints=with_cost(budget))
    experiment = prepare(config)
    limit = limit_of(budget, experiment)
    length = _max_length(experiment, roles.source)
    plan = dataclasses.replace(
        plan, limit=(budget.cost, limit), max_length=length, header=_header(plan, facts)
    )
    text = to_yaml(plan)
    _parsed(text)  # what is written can be read
    labels = ", ".join(seen.labels[:8]) + (", ..." if len(seen.labels) > 8 else "")
    lines = (
        f"{seen.task} into {len(seen.labels)} labels ({labels})",
        *seen.notes,
        *_counts(seen),
        facts,
        *roles.notes,
        f"at most {length} tokens a text: {_WHOLE:.0%} of the source's are no longer",
        f"budget {budget.said()}: {budget.cost} <= {limit:,g}",
    )
    return Draft(text, lines)


def _parsed(text: str) -> Config:
    return parse_config(parse_yaml(text))


def _header(plan: Plan, facts: str) -> tuple[str, ...]:
    return (
        *plan.header,
        facts,
        "Look first: xlnas describe THIS_FILE; xlnas search THIS_FILE --dry-run",
        "All options are documented in xlnas_jax/config/.",
    )


def _model(model: str) -> tuple[dict[str, str], dict[str, tuple[int, ...]], str]:
    """The section, what may vary of such an encoder, and what it is."""
    if model == SCRATCH:
        from xlnas_jax.config.model import ScratchModel

        own = ScratchModel()
        sizes = own.layers, own.width, own.heads, own.ffn
        section = {"kind": "scratch"}
    else:
        shape = pretrained.read_shape(resolve(model))
        sizes = shape.num_layers, shape.width, shape.num_heads, shape.ffn
        section = {"kind": "pretrained", "path": model}
    layers, width, heads, ffn = sizes
    knobs = {"heads": _choices(heads), "ffn": _choices(ffn)}
    facts = (
        f"model {model}: {layers} layers of {width} dimensions, {heads} heads and "
        f"{ffn:,} neurons each"
    )
    return section, knobs, facts


def _choices(size: int) -> tuple[int, ...]:
    """Quarters of a size, from small to large, each once."""
    return tuple(sorted({max(1, round(size * share)) for share in _SHARES}))


def _max_length(experiment: Experiment, source: str) -> int:
    """Tokens that nearly all texts of the source have at most."""
    part = experiment.parts[0]
    texts = read_texts(part.source, source, "train")[:_SAMPLED]
    sizes = [len(one.ids) for one in part.tokenizer.encode(list(texts))]
    needed = int(np.quantile(sizes, _WHOLE))
    rounded = -(-needed // _LENGTH_STEP) * _LENGTH_STEP
    most = min(_MAX_LENGTH, experiment.shape.max_positions)
    return min(max(rounded, _MIN_LENGTH), most)


def _counts(seen: Seen) -> Sequence[str]:
    found = []
    for code, rows in sorted(seen.rows.items(), key=lambda one: -sum(one[1].values())):
        counts = (f"{rows.get(split, 0):,} {split}" for split in SPLITS)
        found.append(f"{named(code)}: {', '.join(counts)}")
    return found
