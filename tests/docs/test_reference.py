"""Pages that are made of the package leave out nothing of it."""

import dataclasses
import importlib
import pkgutil
import re

import pytest

import xlnas_jax
import xlnas_jax.config as config_room
from tests.conftest import REPOSITORY
from tools.reference.commands import WIDTH, commands_page, help_of
from tools.reference.options import (
    FILES,
    documented,
    in_words,
    options_page,
    summary_of,
)
from xlnas_jax import api
from xlnas_jax.cli.commands import COMMANDS
from xlnas_jax.config.controller import DartsController
from xlnas_jax.config.model import NarrowConfig
from xlnas_jax.config.search import SearchConfig


@pytest.fixture(scope="module")
def page() -> str:
    return options_page()


def dataclasses_of_the_room() -> list[type]:
    """All that a configuration may hold, found without looking into one."""
    found = []
    for module in pkgutil.walk_packages(config_room.__path__, "xlnas_jax.config."):
        for one in vars(importlib.import_module(module.name)).values():
            own = isinstance(one, type) and one.__module__ == module.name
            if own and dataclasses.is_dataclass(one):
                found.append(one)
    return found


def test_every_section_and_every_option_is_there(page: str) -> None:
    room = dataclasses_of_the_room()
    # What sections only have in common is no section.
    bases = {base for one in room for base in one.__mro__[1:]}
    sections = [one for one in room if one not in bases]
    rows = re.findall(r"^\| `\w+` \|", page, re.MULTILINE)
    assert len(sections) > 60
    assert len(rows) == sum(len(dataclasses.fields(one)) for one in sections)
    # What a whole file is has its own words on the page.
    for one in set(sections) - set(FILES):
        words = summary_of(one).split()[:6]
        assert " ".join(words).replace("<", "&lt;") in page, one


def test_rows_have_one_cell_a_column(page: str) -> None:
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_what_is_said_of_options_together_is_said_of_each() -> None:
    said = documented(SearchConfig)
    assert said["rounds"] == "how often weights and controller take turns."
    assert documented(DartsController)["arch_steps"].startswith("gradient steps")
    together = documented(NarrowConfig)
    assert together.keys() <= {one.name for one in dataclasses.fields(NarrowConfig)}
    assert all(documented(SearchConfig).values())


def test_types_are_told_in_words() -> None:
    assert in_words(tuple[int, ...]) == "list of: whole number"
    assert in_words(str | None) == "text, or none"
    assert in_words(dict[str, float]) == "by name: number"


def test_every_public_name_has_its_place() -> None:
    text = (REPOSITORY / "docs" / "reference" / "python.md").read_text("utf-8")
    told = {place.rpartition(".")[2] for place in re.findall(r"^::: (\S+)", text, re.M)}
    assert set(xlnas_jax.__all__) - {"__version__", "api"} <= told
    assert {*api.__all__} <= told


def test_every_command_tells_of_itself() -> None:
    made = commands_page()
    assert re.findall(r"^## xlnas (\w+)$", made, re.MULTILINE) == list(COMMANDS)
    assert max(map(len, made.splitlines())) <= WIDTH
    for name, command in COMMANDS.items():
        said = help_of(name)
        assert said.startswith(f"usage: xlnas {name}")
        for one in dataclasses.fields(command):
            option = one.name.replace("_", "-")
            assert option in said or option.upper() in said or "PATH" in said, one.name
