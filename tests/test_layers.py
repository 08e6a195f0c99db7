"""The picture of the architecture is true: imports point downwards only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xlnas_jax"
# From low to high. A module imports from its own layer and from those above it here.
LAYERS = (
    {"types"},
    {"backend", "files", "ranges", "yaml_text", "terminal"},
    {"config_controllers", "config_data", "config_run", "config_transfer"},
    {"config"},
    {"config_file"},
    {"config_changes"},
    # `checkpoint` belongs to the shell, but artifacts are written by it too.
    {"alignment", "languages", "tasks", "space", "pareto", "checkpoint"},
    {"data", "supernet"},
    {"confidence", "dealing", "objectives", "prefixes", "processes", "sharding"},
    {"signals", "taxonomy"},
    {"aligned", "evaluate", "racing", "halving", "controllers"},
    {"immigrants", "escape"},
    {"experiment", "search", "draws", "population", "propose", "refine", "weights"},
    {"engine", "scoring", "autotune", "inspection"},
    {"finish", "precision"},
    {"document"},
    {"export"},
    {"latency"},
    {"compiles", "joining", "logger", "measured", "rundir", "description", "watch"},
    {"recorded", "results", "rounds", "settle"},
    {"settle_latency"},
    {"runner", "rehearsal"},
    {"cli"},
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MAX_LINES = 400
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    """First name below the package: a module's own, or its folder's."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Full names of the modules, and of what is taken from them."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run on import: all but the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from at_module_level(node)


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_file_is_short_and_imports_downwards_only(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    if file == PACKAGE / "__init__.py":  # the public face may name everything
        return
    assert room_of(file) in LEVEL, "a new room needs its place in LAYERS"
    names = [name.split(".") for name in imported(ast.walk(parsed(file)))]
    rooms = {parts[1] for parts in names if parts[0] == "xlnas_jax"}
    assert {room for room in rooms if LEVEL[room] > LEVEL[room_of(file)]} == set()


def test_checkpoint_is_a_leaf_and_alone_knows_orbax() -> None:
    users = {}
    for file in FILES:
        names = list(imported(ast.walk(parsed(file))))
        users[room_of(file)] = users.get(room_of(file), []) + names
    ours = {n for n in users["checkpoint"] if n.startswith("xlnas_jax")}
    assert {n.split(".")[1] for n in ours} <= {"checkpoint", "files", "types"}
    knows = {
        room
        for room, names in users.items()
        if any(name.split(".")[0] == "orbax" for name in names)
    }
    assert knows == {"checkpoint"}


def test_no_module_needs_torch() -> None:
    roots = {
        name.split(".")[0]
        for file in FILES
        for name in imported(at_module_level(parsed(file)))
    }
    assert "torch" not in roots
    assert "jax" in roots


def test_importing_the_package_queries_no_device() -> None:
    # The runner imports every room.
    code = (
        "import xlnas_jax, xlnas_jax.runner, jax, sys\n"
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
