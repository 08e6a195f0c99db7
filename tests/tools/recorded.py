"""Where recorded results of tests say that they come from, and what shows them."""

import contextlib
import importlib
import pathlib
import sys
from collections.abc import Iterator
from types import ModuleType

ENVIRONMENT = {
    "devices": ["cpu"],
    "num_devices": 1,
    "cpu_cores": 2,
    "machine": "x86_64",
    "python": "3.11.7",
    "packages": {"jax": "0.10.2"},
    "commit": "abc",
}


TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


@contextlib.contextmanager
def tables_of(*names: str) -> Iterator[dict[str, ModuleType]]:
    """Modules of `tools/tables` as its scripts import them."""
    sys.path.insert(0, str(TOOLS))
    try:
        yield {name: importlib.import_module(f"tables.{name}") for name in names}
    finally:
        sys.path.remove(str(TOOLS))
