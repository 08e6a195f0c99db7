"""The README says what is there: tables from results, rooms, commands, files."""

import pathlib
import re
import subprocess
import sys

from xlnas_jax.cli.commands import COMMANDS
from xlnas_jax.data.sets.registry import all_sets

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_are_those_of_the_recorded_results():
    done = subprocess.run([sys.executable, ROOT / "tools" / "readme.py", "--check"])
    assert done.returncode == 0


def test_every_command_and_no_other_is_named():
    assert set(re.findall(r"^\| `xlnas (\w+)", README, re.MULTILINE)) == set(COMMANDS)


def test_every_configuration_is_named():
    named = set(re.findall(r"configs/\w+\.yaml", README))
    there = {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")}
    assert named == there


def test_every_room_is_in_the_picture():
    rooms = {
        f"{p.name}/" if p.is_dir() else p.name
        for p in (ROOT / "xlnas_jax").iterdir()
        if not p.name.startswith("__")
    }
    named = set(re.findall(r"`(\w+(?:\.py|/))`", README))
    assert rooms <= named


def test_every_named_data_set_is_listed():
    table = README[README.index("| task | named data sets |") :].split("\n\n")[0]
    assert all(re.search(rf"\b{found.name}\b", table) for found in all_sets().values())


def test_every_place_that_contributors_are_sent_to_is_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", page))
    assert len(named) > 30
    roots = (ROOT, ROOT / "xlnas_jax", ROOT / "xlnas_jax" / "export" / "artifact")
    lost = {one for one in named if not any((root / one).exists() for root in roots)}
    assert lost == set()
