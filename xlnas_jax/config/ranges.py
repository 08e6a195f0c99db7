"""Range checks that configuration dataclasses make of their own fields.

Messages begin with the field's name; `config_file` puts its section before it. Every
number has two bounds: what is merely large is found here, not when memory is asked
for or a counter overflows.
"""

from collections.abc import Iterator
from typing import Any

from xlnas_jax.types import ConfigError, brief, spelled

# Counters, seeds and indices on the device are 32 bits wide.
LARGEST = 2**31 - 1
# Of what is stored once for each: rows, candidates, networks.
MANY = 100_000
# Steps and rounds: nothing is stored of them.
MAX_STEPS = 10**9
# Where exact counts of FLOPs and bytes still fit 64 bits.
HUGE = 2.0**62
_SHOWN_DIVISORS = 8


def at_least(
    config: object, minimum: int, *names: str, most: int | float = LARGEST
) -> None:
    """Each named value, or each of its items, lies between two bounds, or is absent."""
    for place, item in _items(config, names):
        if item is not None and not item >= minimum:
            raise ConfigError(
                f"{place}: must be at least {minimum}; got {brief(item)}."
            )
        _require_at_most(place, item, most)


def positive(config: object, *names: str, most: int | float = LARGEST) -> None:
    """Each named value is absent, or above zero and at most as large as it may be."""
    for place, item in _items(config, names):
        if item is not None and not item > 0:
            raise ConfigError(f"{place}: must be above 0; got {brief(item)}.")
        _require_at_most(place, item, most)


def _require_at_most(place: str, item: Any, most: int | float) -> None:
    if item is not None and not item <= most:
        shown = f"{most:,}" if isinstance(most, int) else f"{most:g}"
        raise ConfigError(
            f"{place}: must be at most {shown}; got {brief(item)}. Use a smaller "
            f"number: nothing larger is of use, or can be counted."
        )


def fraction(config: object, *names: str) -> None:
    """Each named value, or each value of a mapping, lies between 0 and 1."""
    for place, item in _items(config, names):
        if not 0 <= item <= 1:
            raise ConfigError(f"{place}: must lie in [0, 1]; got {brief(item)}.")


def distinct(config: object, *names: str) -> None:
    """Each named value is text, or several distinct texts, and not empty."""
    for name in names:
        value = getattr(config, name)
        items = value if isinstance(value, tuple) else (value,)
        if not items or "" in items:
            raise ConfigError(f"{name}: must not be empty; got {brief(value)}.")
        if len(set(items)) != len(items):
            raise ConfigError(f"{name}: entries must differ; got {brief(list(items))}.")


def divides(config: object, name: str, whole: str) -> None:
    """One named value divides another."""
    part, total = getattr(config, name), getattr(config, whole)
    if total % part:
        raise ConfigError(
            f"{name}: must divide {whole} {total}; got {part}. Use one of "
            f"{near_divisors(total, part)}."
        )


def near_divisors(total: int, wanted: int) -> list[int]:
    """Some divisors of a number, those nearest to the one that was wanted."""
    below = [n for n in range(1, int(total**0.5) + 1) if total % n == 0]
    found = sorted({*below, *(total // n for n in below)})
    nearest = sorted(found, key=lambda n: (abs(n - wanted), n))
    return sorted(nearest[:_SHOWN_DIVISORS])


def _items(config: object, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Each named value, or each of several in a field, with its place."""
    for name in names:
        value = getattr(config, name)
        if isinstance(value, dict):
            yield from ((f"{name}.{spelled(key)}", v) for key, v in value.items())
        elif isinstance(value, tuple):
            yield from ((name, item) for item in value)
        else:
            yield name, value
