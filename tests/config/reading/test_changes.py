"""Every option is known to touch the search, or not to."""

import dataclasses
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.data import SetData
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.changes import RULES, changes, rule_of

# Sections that touch the search as a whole, whatever options they come to have; every
# option of another section has a rule of its own.
WHOLE = {
    *("model", "languages", "data", "space", "cost", "constraints", "train"),
    *("search.escape", "transfer", "controller", "evaluate", "pretrain"),
}
# Of these no option does.
APART = {
    **{"devices": "run", "checkpoint": "run", "translate_test": "run"},
    **{"export": "end", "finalists": "end", "few_shot": "end"},
}


def paths(kind: type, prefix: str = "") -> Iterator[str]:
    """Every option of a dataclass and of those it holds, by dotted path."""
    for name, hint in get_type_hints(kind).items():
        sections = [one for one in members(hint) if isinstance(one, type)]
        inner = [one for one in sections if dataclasses.is_dataclass(one)]
        if not inner:
            yield f"{prefix}{name}"
        for one in inner:
            yield from paths(one, f"{prefix}{name}.")


def members(hint: Any) -> tuple[Any, ...]:
    """Of a union its members, of `tasks` what each of them is."""
    if get_origin(hint) in (Union, types.UnionType):
        return get_args(hint)
    if get_origin(hint) is dict and dataclasses.is_dataclass(get_args(hint)[1]):
        return ()
    if get_origin(hint) is tuple:  # a list is one option, whatever it holds
        return ()
    return (hint,)


def test_every_option_has_a_rule_and_every_rule_an_option():
    every = (set(paths(Config)) | set(paths(Pretraining))) - {"tasks"}
    assert {path for path in every if rule_of(path) not in RULES.values()} == set()
    used = {
        max((r for r in RULES if f"{path}.".startswith(f"{r}.")), key=len)
        for path in every
    }
    assert set(RULES) - used == {"weight", "loss_weight"}  # of a task alone


def test_options_share_a_rule_where_their_section_is_of_one_kind_alone():
    every = [*paths(Config), *paths(Pretraining)]
    shared = {rule for rule in RULES for path in every if path.startswith(f"{rule}.")}
    assert shared == WHOLE | set(APART)
    assert {RULES[section].touches for section in WHOLE} == {"search"}
    assert {section: RULES[section].touches for section in APART} == APART


def test_an_option_of_a_task_is_ruled_as_that_of_a_search_on_one():
    assert rule_of("tasks.export.tokens.max_unk_rate").touches == "run"
    assert rule_of("tasks.export.data.path").touches == "search"
    assert rule_of("tasks.a.weight").touches == "search"


def test_what_is_not_known_touches_the_search():
    assert rule_of("invented.option").touches == "search"


def test_differences_are_found_in_every_kind_of_value():
    one = tiny_config(data=SetData("conll", path="x"))
    other = tiny_config(
        data=SetData("conll", path="x", map={"MISC": "O"}),
        constraints=ConstraintsConfig(),
        skip_bad_rows=True,
    )
    found = {c.path: (c.old, c.new, c.touches) for c in changes(one, other)}
    assert found == {
        "data.map.MISC": (None, "O", "search"),
        "skip_bad_rows": (False, True, "rows"),
        "constraints.encoder_params": (4000.0, None, "search"),
    }
    assert changes(one, one) == []
