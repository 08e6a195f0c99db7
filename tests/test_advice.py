"""What messages advise is there: commands, options, settings, packages."""

import ast
import dataclasses
import importlib
import pathlib
import re
import tomllib
import types
import typing
from collections.abc import Iterator

import pytest

import xlnas_jax
from xlnas_jax.cli.commands import COMMANDS
from xlnas_jax.config.config import Config

PACKAGE = pathlib.Path(xlnas_jax.__path__[0])
ROOT = PACKAGE.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
# Of other programs: pip's, XLA's by its own variable, and what our parser is asked.
FOREIGN = {"--editable", "--xla", "--tyro-print-completion"}
# What pip is called with, and is advised to be; a test calls it so.
PIP = {
    *("--dest", "--disable-pip-version-check", "--no-deps", "--no-input"),
    *("--only-binary", "--platform", "--quiet", "--retries", "--timeout"),
}
# Every command takes it; two stand for one; then of benchmarks, of `tools/encoder.py`.
OURS = {"--debug", "--version", "--completion", "--quick", "--wheel"}
# No part of any extra: what converts a slow tokenizer, once, outside of a search.
PACKAGES = {"sentencepiece", "protobuf"}
FILES = {"safetensors", "json", "bin", "model", "txt", "py", "md", "onnx", "stablehlo"}


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the package that is no docstring, with its file and line.

    The parts of a formatted text stand together, a space for what is filled in.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                inner.add(node.value)
            if isinstance(node, ast.JoinedStr):
                inner.update(ast.walk(node))
                parts = (getattr(part, "value", " ") for part in node.values)
                text = "".join(p if isinstance(p, str) else " " for p in parts)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text
        for node in ast.walk(tree):
            if node in inner or not isinstance(node, ast.Constant):
                continue
            if isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


TEXTS = list(texts())


def mentions(pattern: str) -> Iterator[tuple[str, str]]:
    """Where a pattern occurs, and its first group."""
    for place, text in TEXTS:
        for found in re.finditer(pattern, text):
            yield place, found[1]


def options() -> set[str]:
    """Of every command, as they are typed."""
    commands = [*COMMANDS.values()]
    for command in COMMANDS.values():
        hints = typing.get_type_hints(command)
        commands += [one for hint in hints.values() for one in classes(hint)]
    return {
        "--" + field.name.rstrip("_").replace("_", "-")
        for command in commands
        for field in dataclasses.fields(command)
    }


def classes(hint: object) -> Iterator[type]:
    """The dataclasses that a type may be of."""
    if dataclasses.is_dataclass(hint):
        yield typing.cast(type, hint)
    is_union = isinstance(hint, types.UnionType) or typing.get_origin(hint)
    for part in typing.get_args(hint) if is_union else ():
        yield from classes(part)


def exists(path: list[str], found: list[type]) -> bool:
    """Whether a dotted setting is one of some configuration, from these types on."""
    if not path:
        return True
    name, *rest = path
    for one in found:
        hints = typing.get_type_hints(one)
        if name in hints and exists(rest, list(classes(hints[name]))):
            return True
    return False


def is_python(name: str) -> bool:
    """Whether it names a module of the package or something in one, or a method."""
    module, _, attribute = name.rpartition(".")
    if module == "model":
        return hasattr(xlnas_jax.Subnet, attribute)
    for place in (name, module):
        if (PACKAGE / f"{place.replace('.', '/')}.py").is_file():
            made = importlib.import_module(f"xlnas_jax.{place}")
            return place == name or hasattr(made, attribute)
    return False


def test_commands_that_are_advised_can_be_given():
    advised = list(mentions(r"`xlnas ([a-z]+)"))
    assert len(advised) >= 3
    assert [one for one in advised if one[1] not in COMMANDS] == []


def test_options_that_are_advised_are_some_commands():
    advised = list(mentions(r"(?<![\w-])(--[a-z][a-z-]*)"))
    known = options() | OURS | FOREIGN | PIP
    assert {name for _, name in advised} >= {"--set", "--skip-bad-rows", "--task"}
    assert [one for one in advised if one[1] not in known] == []


def test_packages_that_are_advised_are_an_extra_or_known_to_help():
    advised = list(mentions(r"pip install ([^`.;]*(?:\.\[\w+\])?[^`.;]*)"))
    assert len(advised) >= 3
    for place, given in advised:
        for word in given.replace("'", " ").split():
            if word in ("-e", "--editable", "."):
                continue
            extra = re.fullmatch(r"(?:xlnas-jax|\.)\[(\w+)\]", word)
            is_known = extra[1] in EXTRAS if extra else word in PACKAGES
            if word == "and":  # the sentence goes on
                break
            assert is_known, (place, word)


SECTIONS = [
    name for name in typing.get_type_hints(Config) if name not in ("tasks", "seed")
]


def test_settings_that_are_named_are_those_of_a_configuration():
    pattern = rf"(?<![\w./-])((?:{'|'.join(SECTIONS)})(?:\.[a-z][a-z_]*)+)"
    named = list(mentions(pattern))
    assert len(named) > 100
    missing = [
        (place, name)
        for place, name in named
        if name.rpartition(".")[2] not in FILES
        and not exists(name.split("."), [Config])
        and not is_python(name)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("search.rounds", True),
        ("data.path", True),
        ("evaluate.race.blocks", True),
        ("search.rouds", False),
        ("evaluate.race.rounds.more", False),
    ],
)
def test_a_setting_is_looked_up_in_all_that_a_section_may_be(name, is_there):
    assert exists(name.split("."), [Config]) == is_there
