"""Finds named data sets: each module here that defines `DATA_SET` is one."""

import difflib
import importlib
import pkgutil
from functools import cache

from xlnas_jax.data import sets
from xlnas_jax.data.sets.base import DataSet
from xlnas_jax.types import ConfigError

_MACHINERY = ("base", "registry")


@cache
def all_sets() -> dict[str, DataSet]:
    """Every data set by its name, in alphabetical order."""
    found: dict[str, DataSet] = {}
    for module in pkgutil.iter_modules(sets.__path__):
        if module.name in _MACHINERY:
            continue
        data_set = importlib.import_module(f"{sets.__name__}.{module.name}").DATA_SET
        assert data_set.name not in found, f"two data sets are named {data_set.name}"
        found[data_set.name] = data_set
    return dict(sorted(found.items()))


def find(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        ConfigError: there is none; the nearest and all the others are named.
    """
    known = all_sets()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        nearest = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigError(
            f"data.name: there is no data set {name!r}.{nearest} Known are "
            f"{', '.join(known)}. Files of your own are kind: table."
        )
    return known[name]
