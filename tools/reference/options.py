"""The reference of the configuration: every section and option, from its dataclass."""

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import to_mapping

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}
HEADER = "| option | value | default | what it is |\n|---|---|---|---|\n"
TITLE = """# Every option

Made of the dataclasses in `xlnas_jax/config/`, which also check what is given: an
option that is not there, or a value out of its range, is refused with its place before
anything is read or compiled. On the command line `--set section.option=value` changes
one, in Python `changes={"section.option": value}`.

"""
FILES = {
    Config: ("An experiment", "What `xlnas search` and most other commands read."),
    Pretraining: ("A pretraining", "What `xlnas pretrain` reads."),
}


def options_page() -> str:
    """The whole page, in Markdown."""
    seen: dict[type, str] = {}
    parts = [TITLE]
    for root, (title, about) in FILES.items():
        parts.append(f"## {title}\n\n{about}\n\n{_table(root)}\n")
        parts += _below(root, "", seen)
    return "".join(parts)


def _below(kind: type, path: str, seen: dict[type, str]) -> Iterator[str]:
    """The sections among a dataclass's options, and those below them."""
    for name, hint in get_type_hints(kind).items():
        for one in sections(hint):
            if one in seen:
                continue
            place = f"{path}.{name}".lstrip(".") + _each(hint)
            seen[one] = place
            own = get_type_hints(one).get("kind")
            title = f"`{place}`" + (f", kind `{get_args(own)[0]}`" if own else "")
            about = _escaped(summary_of(one))
            yield f"### {title}\n\n{about}\n\n{_table(one)}\n"
            yield from _below(one, place, seen)


def _each(hint: Any) -> str:
    """How one of several is told."""
    return {tuple: "[]", dict: ".NAME"}.get(get_origin(hint), "")


def sections(hint: Any) -> Iterator[type]:
    """The dataclasses that a value may be of, or hold several of."""
    if dataclasses.is_dataclass(hint):
        yield hint  # type: ignore[misc]
    elif get_origin(hint) is not Literal:
        for part in get_args(hint):
            yield from sections(part)


def _table(kind: type) -> str:
    hints, said = get_type_hints(kind), documented(kind)
    rows = []
    for one in dataclasses.fields(kind):
        cells = f"`{one.name}`", in_words(hints[one.name]), _default(one)
        about = _escaped(said.get(one.name) or _of_section(hints[one.name]))
        rows.append(f"| {' | '.join(cells)} | {about} |\n")
    return HEADER + "".join(rows)


def _of_section(hint: Any) -> str:
    """What a section is, where the option that holds it says nothing more."""
    found = list(sections(hint))
    return summary_of(found[0]).partition(". ")[0] if len(found) == 1 else ""


def summary_of(kind: type) -> str:
    """What a dataclass is, without what its fields are."""
    text = _docstring(kind)
    return " ".join(re.split(r"\n(?:Attributes|References):", text)[0].split())


def documented(kind: type) -> dict[str, str]:
    """What is said of every field, by a class or by those that it is made of."""
    names = "|".join(one.name for one in dataclasses.fields(kind))
    one = rf"(?:{names})"
    entry = re.compile(rf"(?:^|(?<=\. ))({one}(?:, {one})*): ")
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        body = _docstring(base).partition("Attributes:\n")[2]
        body = re.split(r"\n(?=\S)", body)[0]
        for text in re.split(r"\n(?=    \S)", body):
            pieces = entry.split(" ".join(text.split()))[1:]
            for named, about in zip(pieces[::2], pieces[1::2], strict=True):
                for name in named.split(", "):
                    found[name] = about.strip()
    return found


def _docstring(kind: type) -> str:
    """As it is written; "" where the dataclass has made its own."""
    text = inspect.cleandoc(kind.__doc__ or "")
    return "" if text.startswith(f"{kind.__name__}(") else text


def in_words(hint: Any) -> str:
    """What may be given."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin in (Union, types.UnionType):
        rest = [one for one in arguments if one is not type(None)]
        is_optional = len(rest) < len(arguments)
        words = in_words(rest[0]) if len(rest) == 1 else "section, by its `kind`"
        return f"{words}, or none" if is_optional else words
    if origin is tuple:
        return f"list of: {in_words(arguments[0])}"
    if origin is dict:
        return f"by name: {in_words(arguments[1])}"
    return "section" if dataclasses.is_dataclass(hint) else PLAIN[hint]


def _default(one: dataclasses.Field) -> str:
    value = one.default
    if one.default_factory is not dataclasses.MISSING:
        value = one.default_factory()
    if value is dataclasses.MISSING:
        return "needed"
    if value is None:
        return "none"
    if dataclasses.is_dataclass(value):
        return "by its options"
    text = yaml.safe_dump(to_mapping(value), default_flow_style=True, width=1000)
    return f"`{text.removesuffix('...' + chr(10)).strip()}`"


def _escaped(text: str) -> str:
    """As a cell of a table, where a bar would end it."""
    return text.replace("|", "\\|").replace("<", "&lt;")
