"""YAML to `Config` and back: strict, and clear about what is wrong and where."""

import dataclasses
import difflib
import functools
import math
import re
import types
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import (
    Any,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import yaml

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.yaml_text import MAX_CHARACTERS, YamlError, parse_yaml
from xlnas_jax.files import read_given_text
from xlnas_jax.types import ConfigError, brief, spelled

# YAML 1.1 reads a float without a point, such as 1e-4, as text.
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_READ = "Check the path and its permissions."
_MAX_NAME = 80
# What a whole file is: an experiment, or a pretraining.
Root = TypeVar("Root")


def load_config(path: str | PathLike[str], overrides: Sequence[str] = ()) -> Config:
    """An experiment, as `load_as` reads it."""
    return load_as(Config, path, overrides)


def load_as(
    kind: type[Root], path: str | PathLike[str], overrides: Sequence[str] = ()
) -> Root:
    """Read and check a YAML file.

    Args:
        kind: what it is to hold, as a dataclass of its sections.
        overrides: values that replace those of the file: `section.option=value`,
            the value in YAML; of two for one option the later counts. Another `kind`
            than the file's begins its section anew: options of the old kind mean
            nothing to it.

    Raises:
        ConfigError: the file or an override cannot be honoured.
    """
    return load_changed(kind, path, [_override(one) for one in overrides], "--set ")


def load_changed(
    kind: type[Root],
    path: str | PathLike[str],
    changes: Iterable[tuple[str, Any]],
    what: str,
) -> Root:
    """The same, with changes as `apply_changes` takes them."""
    text = read_given_text(path, ConfigError, _READ, most=MAX_CHARACTERS)
    mapping = _parse_yaml(text, str(path))
    apply_changes(mapping, changes, what)
    try:
        return parse_as(kind, mapping)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(mapping: Mapping[Any, Any]) -> Config:
    """Check nested mappings, as YAML gives them, and make a `Config` of them."""
    return parse_as(Config, mapping)


def parse_as(kind: type[Root], mapping: Mapping[Any, Any]) -> Root:
    """The same, of a file of another kind."""
    return _section(mapping, kind, "")


def dump_config(config: Any) -> str:
    """YAML of every option, defaults included; `parse_as` undoes it."""
    return yaml.dump(
        to_mapping(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )


def to_mapping(config: Any) -> Any:
    """Nested mappings and lists of a config, as YAML has them."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
        # The kind decides which other options there are: readers want it first.
        names = sorted(fields, key=lambda name: name != "kind")
        return {name: to_mapping(fields[name]) for name in names}
    if isinstance(config, Mapping):
        return {key: to_mapping(value) for key, value in config.items()}
    if isinstance(config, tuple):
        return [to_mapping(value) for value in config]
    return config


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and lists on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=True)


def _parse_yaml(text: str, place: str) -> dict[Any, Any]:
    try:
        mapping = parse_yaml(text)
    except YamlError as error:
        line = f", line {error.line}" if error.line else ""
        raise ConfigError(f"{place}{line}: must be YAML; {error}.") from error
    if not isinstance(mapping, dict):
        raise ConfigError(
            f"{place}: must hold sections and options; got {brief(mapping)}."
        )
    return mapping


def apply_changes(
    mapping: dict[Any, Any], changes: Iterable[tuple[str, Any]], what: str
) -> None:
    """Set options, each a path `section.option` with its value, in place.

    Args:
        what: stands before the path in errors.
    """
    # Kinds first, whatever their place: they decide which other options there are.
    for path, value in sorted(changes, key=lambda one: not _is_kind(one[0])):
        _change(mapping, path, value, what)


def _change(mapping: dict[Any, Any], path: str, value: Any, what: str) -> None:
    *sections, name = path.split(".")
    for section in sections:
        if mapping.get(section) is None:
            mapping[section] = {}
        mapping = mapping[section]
        if not isinstance(mapping, dict):
            raise ConfigError(
                f"{what}{spelled(path)}: {brief(section)} must be a section; got "
                f"{brief(mapping)}."
            )
    if name == "kind" and mapping.get(name, value) != value:
        mapping.clear()
    mapping[name] = value


def _override(override: str) -> tuple[str, Any]:
    """The path and the value of one option, given as `section.option=value`."""
    path, equals, text = override.partition("=")
    path = path.strip()
    if not equals or not all(path.split(".")):
        raise ConfigError(
            f"--set: must look like section.option=value; got {brief(override)}."
        )
    try:
        return path, parse_yaml(text)
    except YamlError as error:
        raise ConfigError(
            f"--set {spelled(path)}: the value must be YAML; got {brief(text)}: "
            f"{error}."
        ) from error


def require_once(overrides: Sequence[str]) -> None:
    """An error where one option is given two values, as a command line may do."""
    counts = Counter(one.partition("=")[0].strip() for one in overrides)
    for name, count in counts.items():
        if count > 1:
            raise ConfigError(
                f"--set {spelled(name)}: must be given once; got {count} values. "
                f"Leave out all but one."
            )


def _is_kind(path: str) -> bool:
    """True where it is the kind of a section."""
    return path.rpartition(".")[2] == "kind"


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _section(value: Any, kind: type, where: str) -> Any:
    """A dataclass from a mapping of its fields."""
    if not isinstance(value, Mapping):
        _wrong(where, f"a section with options {_listed(_hints(kind))}", value)
    for key in value:
        if key not in _hints(kind):
            _unknown(where, key, _hints(kind))
    given = {
        name: _value(value[name], hint, f"{where}.{name}".lstrip("."))
        for name, hint in _hints(kind).items()
        if name in value
    }
    for field in dataclasses.fields(kind):
        is_required = (field.default, field.default_factory) == (
            dataclasses.MISSING,
            dataclasses.MISSING,
        )
        if is_required and field.name not in given:
            path = f"{where}.{field.name}".lstrip(".")
            raise ConfigError(f"{path}: must be given; it has no default.")
    try:
        return kind(**given)
    except ConfigError as error:  # a range check; it knows its field alone
        raise ConfigError(f"{where}.{error}".lstrip(".")) from error


def _value(value: Any, hint: Any, where: str) -> Any:
    """A value of the annotated type, or an error that names its place."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool):
            _wrong(where, f"one of {_listed(arguments)}", value, arguments)
        return value
    if origin in (Union, types.UnionType):
        return _member(value, arguments, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            _wrong(where, "a list in [brackets]", value)
        return tuple(
            _value(item, arguments[0], f"{where}[{position}]")
            for position, item in enumerate(value)
        )
    if origin is dict:
        if not isinstance(value, Mapping):
            _wrong(where, "a mapping of names to values", value)
        return {
            _value(key, arguments[0], f"{where}, a name"): _value(
                item, arguments[1], f"{where}.{spelled(key)}"
            )
            for key, item in value.items()
        }
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _section(value, hint, where)
    return _scalar(value, hint, where)


def _member(value: Any, members: tuple[Any, ...], where: str) -> Any:
    """The member of a union: the section whose `kind` it is, or not None."""
    if type(None) in members:
        if value is None:
            return None
        members = tuple(member for member in members if member is not type(None))
        if len(members) == 1:
            return _value(value, members[0], where)
    kinds = {get_args(_hints(member)["kind"])[0]: member for member in members}
    if not isinstance(value, Mapping):
        _wrong(where, f"a section whose kind is one of {_listed(kinds)}", value)
    if "kind" not in value:
        raise ConfigError(f"{where}.kind: must be given, one of {_listed(kinds)}.")
    kind = value["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        _wrong(f"{where}.kind", f"one of {_listed(kinds)}", kind, kinds)
    return _section(value, kinds[kind], where)


def _scalar(value: Any, kind: type, where: str) -> Any:
    is_scientific = isinstance(value, str) and _FLOAT.fullmatch(value)
    is_number = type(value) is int or is_scientific
    try:
        given = float(value) if kind is float and is_number else value
    except OverflowError:  # a whole number beyond all floats
        _wrong(where, "a finite number", value)
    if type(given) is not kind:
        _wrong(where, _PLAIN[kind], value)
    if isinstance(given, float) and not math.isfinite(given):
        _wrong(where, "a finite number", value)
    return given


def _wrong(
    where: str, expected: str, value: Any, known: Iterable[Any] = ()
) -> NoReturn:
    hint = _nearest(value, known)
    if isinstance(value, bool) and expected in (_PLAIN[str],):
        word = "no, off or false" if value is False else "yes, on or true"
        hint = f" YAML reads an unquoted {word} so: put it in quotes."
    elif expected == _PLAIN[str] and isinstance(value, int | float):
        hint = f' Put it in quotes: "{brief(value)}".'
    place = where or "the configuration"
    raise ConfigError(f"{place}: must be {expected}; got {brief(value)}.{hint}")


def _unknown(where: str, key: Any, known: Iterable[str]) -> NoReturn:
    place = f"{where}.{spelled(key)}".lstrip(".")
    raise ConfigError(
        f"{place}: there is no such option.{_nearest(key, known)} "
        f"Known here: {_listed(known)}."
    )


def _nearest(value: Any, known: Iterable[Any]) -> str:
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        return ""
    names = difflib.get_close_matches(value, [str(name) for name in known], 1)
    return f" Did you mean {names[0]!r}?" if names else ""


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)
