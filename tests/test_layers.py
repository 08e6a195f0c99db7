"""The picture of the architecture is true: imports point downwards only."""

import ast
import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xlnas_jax"
# From low to high. A module imports from its own room and from those before it here.
ROOMS = (
    "types",
    "files",
    "terminal",
    "config",
    "storage",
    "languages",
    "tasks",
    "space",
    "supernet",
    "alignment",
    "training",
    "devices",
    "data",
    "objectives",
    "controllers",
    "experiment",
    "evaluation",
    "search",
    "results",
    "export",
    "calibration",
    "report",
    "run",
    "pretraining",
    "comparison",
    "serve",
    "watching",
    "drafts",
    "api",
    "cli",
)
PLACE = {room: place for place, room in enumerate(ROOMS)}
MAX_LINES = 400
MAX_AT_ROOT = 6
MAX_FILES = 20
# Of many alike, one a file.
REGISTRIES = {"data/sets"}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    """First name below the package: a module's own, or its folder's."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Lines and full names of the modules, and of what is taken from them."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name) for name in names)


def at_module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run on import: all but the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from at_module_level(node)


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def upwards(file: Path, tree: ast.Module) -> list[str]:
    """Where a file imports from a later room, as `path:line: name`."""
    found = []
    for line, name in imported(ast.walk(tree)):
        parts = name.split(".")
        if parts[0] == "xlnas_jax" and PLACE[parts[1]] > PLACE[room_of(file)]:
            found.append(f"{file.relative_to(PACKAGE.parent)}:{line}: {name}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_file_is_short_and_imports_from_earlier_rooms_only(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    if file == PACKAGE / "__init__.py":  # the public face may name everything
        return
    assert room_of(file) in PLACE, "a new room needs its place in ROOMS"
    assert upwards(file, parsed(file)) == []


def test_an_import_of_a_later_room_is_named_with_file_and_line() -> None:
    tree = ast.parse("import os\n\nfrom xlnas_jax.run.run import run_search\n")
    found = upwards(PACKAGE / "space" / "space.py", tree)
    assert found == ["xlnas_jax/space/space.py:3: xlnas_jax.run.run.run_search"]


def test_every_room_is_there_and_holds_no_more_than_can_be_seen_at_once() -> None:
    assert {room_of(file) for file in FILES} - {"__init__"} == set(ROOMS)
    assert len(list(PACKAGE.glob("*.py"))) <= MAX_AT_ROOT
    sizes = Counter(str(file.parent.relative_to(PACKAGE)) for file in FILES)
    large = {name for name, size in sizes.items() if size > MAX_FILES}
    assert large <= REGISTRIES


def test_no_module_only_hands_on_what_others_define() -> None:
    # The face of the package aside, a name is imported from where it is defined.
    for file in FILES:
        body = parsed(file).body
        is_face = all(isinstance(n, ast.Import | ast.ImportFrom) for n in body[1:])
        assert not is_face or len(body) <= 1, file.relative_to(PACKAGE)


def test_storage_is_a_leaf_and_alone_knows_orbax() -> None:
    users: dict[str, list[str]] = {}
    for file in FILES:
        names = [name for _, name in imported(ast.walk(parsed(file)))]
        users[room_of(file)] = users.get(room_of(file), []) + names
    ours = {n for n in users["storage"] if n.startswith("xlnas_jax")}
    below = {"storage", "files", "types", "terminal", "config"}
    assert {n.split(".")[1] for n in ours} <= below
    knows = {
        room
        for room, names in users.items()
        if any(name.split(".")[0] == "orbax" for name in names)
    }
    assert knows == {"storage"}


def test_no_module_needs_torch() -> None:
    roots = {
        name.split(".")[0]
        for file in FILES
        for _, name in imported(at_module_level(parsed(file)))
    }
    assert "torch" not in roots
    assert "jax" in roots


def test_importing_the_package_queries_no_device() -> None:
    # The last room but the shell imports every other.
    code = (
        "import xlnas_jax, xlnas_jax.run.run, jax, sys\n"
        "assert not jax._src.xla_bridge._backends, 'a device was queried'\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
