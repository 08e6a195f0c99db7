"""Any configuration is read as it was meant, or refused in one paragraph."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.contract import Tally, generated
from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import (
    dump_config,
    load_config,
    parse_config,
    to_mapping,
)
from xlnas_jax.config.reading.yaml_text import YamlError, parse_yaml
from xlnas_jax.experiment.prepare import prepare

EVERY = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
FILES = [file for file in EVERY if not file.stem.startswith("pretrain_")]
TEXTS = [file.read_text(encoding="utf-8") for file in FILES]
MAPPINGS = [to_mapping(load_config(file)) for file in FILES]
SMALL = """
languages: {source: en, aux_heldout: [fr], target: [de]}
data: {kind: cldr, per_class: 3}
model: {kind: scratch, layers: 2, width: 16, heads: 2, ffn: 32, vocab_size: 40}
tokens: {max_length: 8}
"""

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e308, -0.0, 1e-308]),
)
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["no", "None", "~", "1e5", "0x10", "010", "1:30", "2026-13-01"]),
    st.sampled_from(["../..", "{language}", "a" * 1000, "é", "\u202e", "\x00", "😀"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something can be changed."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        found += places(item, (*path, key))
    return found


def changed(mapping: Any, path: tuple[Any, ...], value: Any, how: str) -> Any:
    """A copy with one entry replaced, removed, or with another beside it."""
    key, *rest = path
    copy = dict(mapping) if isinstance(mapping, dict) else list(mapping)
    if rest:
        copy[key] = changed(copy[key], tuple(rest), value, how)
    elif how == "remove":
        del copy[key]
    elif how == "add" and isinstance(copy, dict):
        copy[value if isinstance(value, str | int) else "other"] = value
    else:
        copy[key] = value
    return copy


def is_sound(config: Config) -> None:
    """It is written and read back the same, and holds no number that is none."""
    again = parse_config(parse_yaml(dump_config(config)))
    assert again == config
    pending = [to_mapping(config)]
    while pending:
        one = pending.pop()
        pending += list(one.values()) if isinstance(one, dict) else []
        pending += one if isinstance(one, list) else []
        assert not isinstance(one, float) or math.isfinite(one)


@generated(quick=120, long=3_000)
@given(st.data())
def test_a_changed_configuration_is_sound_or_refused(
    tally: Tally, data: st.DataObject
) -> None:
    mapping = data.draw(st.sampled_from(MAPPINGS))
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(mapping)
        if not found:
            break
        path = data.draw(st.sampled_from(found))
        how = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        mapping = changed(mapping, path, data.draw(VALUES), how)
    config = tally.holds(lambda: parse_config(mapping))
    if config is not None:
        is_sound(config)


@generated(quick=60, long=1_500)
@given(st.data())
def test_changed_text_is_sound_or_refused(
    tally: Tally, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from([*TEXTS, SMALL])).encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = start + data.draw(st.integers(0, 12))
        new = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from([b"&a ", b"*a", b"[" * 50, b"{a: ", b"!!set ", b"\t"]),
                st.sampled_from([b"<<: ", b"? ", b"|\n", b"'", b'"', b"---\n", b"\r"]),
            )
        )
        text = text[:start] + new + text[stop:]
    path = tmp_path_factory.getbasetemp() / "changed.yaml"
    path.write_bytes(text)
    config = tally.holds(lambda: load_config(path))
    if config is not None:
        is_sound(config)


@generated(quick=60, long=1_000)
@given(
    option=st.sampled_from(
        [".".join(map(str, p)) for m in MAPPINGS for p in places(m) if len(p) < 4]
    ),
    value=st.one_of(WORDS, VALUES.map(str), st.sampled_from(["[", "{a: 1}", "&a b"])),
)
def test_any_override_is_sound_or_refused(
    tally: Tally, option: str, value: str
) -> None:
    config = tally.holds(lambda: load_config(FILES[0], [f"{option}={value}"]))
    if config is not None:
        is_sound(config)


@generated(quick=20, long=300)
@given(
    section=st.sampled_from(["model", "space", "tokens", "cost", "constraints"]),
    data=st.data(),
)
def test_what_passes_is_prepared_or_refused(
    tally: Tally, section: str, data: st.DataObject
) -> None:
    mapping = yaml.safe_load(SMALL)
    options = {
        "model": ["layers", "heads", "ffn", "vocab_size"],
        "space": ["min_layers", "heads", "ffn", "pooling"],
        "tokens": ["max_length", "num_buckets", "train_buckets"],
        "cost": ["length", "batch_size"],
        "constraints": ["params", "encoder_params", "flops", "memory_bytes"],
    }[section]
    number = st.one_of(st.integers(0, 70_000), st.sampled_from([1, 2, 4, 8, 16, 32]))
    for name in data.draw(st.lists(st.sampled_from(options), max_size=3)):
        value: Any = data.draw(number)
        if name == "pooling":
            value = data.draw(st.lists(st.sampled_from(["mean", "max", "cls", "x"])))
        elif section == "space" and name != "min_layers":
            value = data.draw(st.lists(number, max_size=3))
        mapping.setdefault(section, {})[name] = value
    found = tally.holds(lambda: prepare(parse_config(mapping)))
    if found is not None:
        full = found.space.flatten(found.space.largest())
        assert all(count[0] > 0 for count in found.costs.counted(full[None]).values())


@pytest.mark.parametrize("text", TEXTS, ids=[file.stem for file in FILES])
def test_what_is_given_comes_back(text: str) -> None:
    with pytest.raises(YamlError):
        parse_yaml(text + "\n? *x")
    is_sound(parse_config(parse_yaml(text)))
