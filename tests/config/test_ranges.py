"""Every number of a configuration has two bounds, whoever adds it."""

import dataclasses
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.ranges import near_divisors
from xlnas_jax.config.reading.file import parse_as
from xlnas_jax.types import ConfigError

# What a section cannot do without.
NEEDED: dict[str, Any] = {
    "path": "{language}-{source}-{target}",
    "name": "conll",
    "source": "en",
    "aux_heldout": ["fr"],
    "target": ["de"],
    "distances": {"en": 0.0},
    "parts": [{"kind": "table", "path": "x"}],
    "parallel": None,
    "train": [{"kind": "table", "path": "x"}],
    "pool": ["it", "pt"],
    "width": 64,
    "languages": ["en", "fr"],
    "translator": {"kind": "dictionary", "path": "{source}-{target}.txt"},
    "pairs": {"kind": "ids"},
}
MINIMAL: dict[str, Any] = {
    "languages": {"source": "en", "aux_heldout": ["fr"], "target": ["de"]},
    "data": {"kind": "cldr"},
    "model": {"kind": "scratch"},
}


def members(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else []


def numbers(kind: type, given: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each numeric option as a mapping that sets it to `...`, and its place."""
    for name, hint in get_type_hints(kind).items():
        kinds = members(hint) or [hint]
        for one in kinds:
            origin, arguments = get_origin(one), get_args(one)
            if one in (int, float):
                yield {**given, name: ...}, name
            elif origin is tuple and arguments[0] in (int, float):
                yield {**given, name: [...]}, name
            elif origin is dict and arguments[1] in (int, float):
                key = "train" if name == "limit" else "en"
                yield {**given, name: {key: ...}}, name
            elif isinstance(one, type) and dataclasses.is_dataclass(one):
                inner = needed_of(one)
                for mapping, place in numbers(one, inner):
                    yield {**given, name: mapping}, f"{name}.{place}"


def needed_of(kind: type) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(kind):
        if field.name == "kind":
            found["kind"] = field.default
        elif field.default is field.default_factory is dataclasses.MISSING:
            found[field.name] = NEEDED[field.name]
    return found


def filled(mapping: Any, value: Any) -> Any:
    if mapping is ...:
        return value
    if isinstance(mapping, dict):
        return {key: filled(item, value) for key, item in mapping.items()}
    return [filled(i, value) for i in mapping] if isinstance(mapping, list) else mapping


# A pretraining has a section of its own and shares others.
PRETRAINING: dict[str, Any] = {
    "model": {"kind": "scratch"},
    "pretrain": {"languages": ["en"], "texts": [{"kind": "lines", "path": "x"}]},
}
OPTIONS = {}
for root, minimal in ((Config, MINIMAL), (Pretraining, PRETRAINING)):
    for mapping, place in numbers(root, minimal):
        kind = str(mapping.get(place.split(".")[0], {}))
        name = f"{place} {kind[:60] if '.' in place else ''}"
        if root is Config or place.startswith("pretrain."):
            OPTIONS[name] = (root, mapping, place)


def test_the_walk_finds_the_options() -> None:
    places = {place for _, _, place in OPTIONS.values()}
    assert len(places) > 80
    assert {
        "seed",
        "train.batch_size",
        "space.heads",
        "evaluate.race.blocks",
        "controller.learning_rate",
        "data.limit",
        "data.base.per_class",
        "pretrain.mask_rate",
    } <= places


@pytest.mark.parametrize(
    ("root", "mapping", "place"), OPTIONS.values(), ids=OPTIONS.keys()
)
@pytest.mark.parametrize("value", [10**30, -(10**30), 10**400, float("nan")], ids=str)
def test_a_number_beyond_all_use_is_refused(root, mapping, place, value) -> None:
    with pytest.raises(ConfigError) as found:
        parse_as(root, filled(mapping, value))
    name = place.split(".")[-1]
    assert name in str(found.value)
    assert len(str(found.value)) < 400


def test_divisors_near_the_wanted_one_are_named_quickly() -> None:
    assert near_divisors(384, 5) == [1, 2, 3, 4, 6, 8, 12, 16]
    assert near_divisors(1_000_000_007, 4) == [1, 1_000_000_007]
