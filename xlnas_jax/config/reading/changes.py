"""Which options may change where a run goes on, by what they touch.

A run goes on as it began: what was searched so far must be what would be searched
anew. Options that the rounds never look at may change; those that are read after the
last round may change until that is done.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import to_mapping

# `search`: what the rounds do. `rows`: nothing, as long as no row that the rounds use
# is faulty. `end`: what comes after the last round. `run`: how it is run alone.
Touches = Literal["search", "rows", "end", "run"]


class Rule(NamedTuple):
    """What an option, or every option of a section, touches; and why it is so."""

    touches: Touches
    why: str


# By path; of `tasks.NAME.option` as of `option`. The longest path that fits counts, so
# a new option of a section that touches the search does so, too.
RULES = {
    "seed": Rule("search", "every draw depends on it"),
    "model": Rule("search", "the weights it starts from"),
    "languages": Rule("search", "what is trained on, and what scores"),
    "data": Rule("search", "what is trained on, and what scores"),
    "weight": Rule("search", "how often a task is trained on"),
    "loss_weight": Rule("search", "how the weights learn"),
    "language_heads": Rule("search", "they are weights"),
    "texts": Rule("search", "what is learnt from"),
    "skip_bad_rows": Rule(
        "rows", "without faulty rows in training and auxiliary data it is the same"
    ),
    "tokens.max_length": Rule("search", "what is seen of every text"),
    "tokens.doc_stride": Rule("search", "what is seen of every text"),
    "tokens.num_buckets": Rule("search", "batches, so the last bits of scores"),
    "tokens.train_buckets": Rule("search", "which rows are trained on together"),
    "tokens.prefix": Rule("search", "what is seen of every text"),
    "tokens.max_unk_rate": Rule("run", "a warning alone"),
    "space": Rule("search", "which networks there are"),
    "cost": Rule("search", "what costs are, and what latency is fitted to"),
    "constraints": Rule("search", "which networks are scored"),
    "train": Rule("search", "how the weights learn, to the last bit"),
    "search.rounds": Rule("search", "schedules of learning rates and strategies"),
    "search.weight_steps": Rule("search", "how the weights learn"),
    "search.population": Rule("search", "which networks are scored"),
    "search.archive_size": Rule("search", "the shape of the state"),
    "search.seeds": Rule("search", "which networks are scored"),
    "search.max_tries": Rule("search", "which networks are scored"),
    "search.objectives": Rule("search", "what is minimised"),
    "search.reference": Rule("search", "the hypervolume that is logged and acted on"),
    "search.escape": Rule("search", "which networks are scored"),
    "search.control": Rule("end", "baselines are scored after the last round"),
    "search.finalists": Rule("end", "they are trained after the last round"),
    "finalists.budgets": Rule("search", "which networks the first rounds score"),
    "finalists.budget_cost": Rule("search", "which networks the first rounds score"),
    "finalists": Rule("end", "they are trained after the last round"),
    "finalists.by": Rule("search", "what is measured of every candidate"),
    "few_shot": Rule("end", "it is done after the last round"),
    "search.tested": Rule("end", "test data is scored after the last round"),
    "translate_test": Rule("run", "a search has no use for it"),
    "transfer": Rule("search", "what is minimised"),
    "controller": Rule("search", "which networks are scored"),
    "evaluate": Rule("search", "the scores, to the last bit"),
    "devices": Rule("run", "the same is searched on other hardware"),
    "export": Rule("end", "what is written after the last round"),
    "export.dtype": Rule("search", "what disk_mb is counted of"),
    "pretrain": Rule("search", "how the weights learn, to the last bit"),
    "checkpoint": Rule("run", "how often a state is saved, and what is written of it"),
}


class Change(NamedTuple):
    """An option whose value differs."""

    path: str
    old: Any
    new: Any
    touches: Touches


def changes(old: Config | Pretraining, new: Config | Pretraining) -> list[Change]:
    """The options in which two configurations differ, in the order of the file."""
    before, after = dict(options(to_mapping(old))), dict(options(to_mapping(new)))
    return [
        Change(path, before.get(path), after.get(path), rule_of(path).touches)
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    ]


def rule_of(path: str) -> Rule:
    """The rule of the longest path that an option's begins with."""
    names = path.split(".")
    if names[0] == "tasks":
        names = names[2:]
    for count in range(len(names), 0, -1):
        found = RULES.get(".".join(names[:count]))
        if found is not None:
            return found
    return Rule("search", "it is not known to touch nothing")


def options(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Options by dotted path."""
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from options(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
