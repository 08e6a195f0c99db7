"""`xlnas bench`: one of the benchmarks that lie beside the package."""

import ast
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.types import XlnasError

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
REPOSITORY = "a checkout of the repository"


class BenchmarkError(XlnasError):
    """A benchmark that is not there, or that failed."""


@dataclass(frozen=True)
class Bench:
    """Run a benchmark, and write its result as one JSON object.

    Attributes:
        name: a file of the folders in benchmarks/, without its ending.
        json: where the result goes; printed if not given.
        options: passed to the benchmark, after `--`: `xlnas bench memory -- --quick`.
    """

    name: Annotated[str, tyro.conf.Positional]
    options: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    json: Path | None = None

    def run(self) -> None:
        """Starts the benchmark in a process of its own."""
        module = find_benchmark(self.name, FOLDER)
        with tempfile.TemporaryDirectory() as folder:
            out = self.json or Path(folder) / "result.json"
            # Not from the working directory, which may have a folder of that name.
            command = [sys.executable, "-P", "-m", module, *self.options]
            paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
            place = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
            done = subprocess.run(
                [*command, "--out", str(out)], env={**os.environ, **place}
            )
            if done.returncode:
                raise BenchmarkError(
                    f"bench {self.name}: must end with exit code 0; got "
                    f"{done.returncode}, for the reason above."
                )
            if self.json is None and out.exists():
                sys.stdout.write(out.read_text(encoding="utf-8"))


def find_benchmark(name: str, folder: Path) -> str:
    """The module of one benchmark.

    Raises:
        BenchmarkError: there is none of that name, or the package lies outside a
            checkout of the repository.
    """
    known = benchmarks_in(folder)
    if not known:
        raise BenchmarkError(
            f"bench: benchmarks must lie beside the package, in {folder}; there are "
            f"none, since this package was installed without them. Run it from a "
            f"checkout of the repository, installed with `pip install --editable .`"
        )
    if name not in known:
        raise BenchmarkError(
            f"bench: {name!r} is no benchmark. Use one of {', '.join(known)}."
        )
    path = known[name].relative_to(folder.parent).with_suffix("")
    return ".".join(path.parts)


def benchmarks_in(folder: Path) -> dict[str, Path]:
    """Files that answer a question, by name: it is the first line of each."""
    found = [*folder.glob("*.py"), *folder.glob("[a-z]*/*.py")]
    return {path.stem: path for path in sorted(found) if _asks(path)}


def _asks(path: Path) -> bool:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return doc is not None and doc.splitlines()[0].endswith("?")
