"""Range checks that configuration dataclasses make of their own fields.

Messages begin with the field's name; `config_file` puts its section before it.
"""

import math

from xlnas_jax.types import ConfigError


def at_least(config: object, minimum: int, *names: str) -> None:
    """Each named value, or each of its items, is a finite number of some size."""
    for name in names:
        value = getattr(config, name)
        items = tuple(value.values()) if isinstance(value, dict) else value
        for item in items if isinstance(items, tuple) else (items,):
            if item is not None and not minimum <= item < math.inf:
                raise ConfigError(f"{name}: must be at least {minimum}; got {item}.")


def positive(config: object, *names: str) -> None:
    """Each named value is absent, or finite and above zero."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not 0 < value < math.inf:
            raise ConfigError(f"{name}: must be above 0; got {value}.")


def fraction(config: object, *names: str) -> None:
    """Each named value, or each value of a mapping, lies between 0 and 1."""
    for name in names:
        value = getattr(config, name)
        items = {name: value}
        if isinstance(value, dict):
            items = {f"{name}.{key}": item for key, item in value.items()}
        for place, item in items.items():
            if not 0 <= item <= 1:
                raise ConfigError(f"{place}: must lie in [0, 1]; got {item}.")


def distinct(config: object, *names: str) -> None:
    """Each named value is text, or several distinct texts, and not empty."""
    for name in names:
        value = getattr(config, name)
        items = value if isinstance(value, tuple) else (value,)
        if not items or "" in items:
            raise ConfigError(f"{name}: must not be empty; got {value!r}.")
        if len(set(items)) != len(items):
            raise ConfigError(f"{name}: entries must differ; got {list(items)}.")


def divides(config: object, name: str, whole: str) -> None:
    """One named value divides another."""
    part, total = getattr(config, name), getattr(config, whole)
    if total % part:
        divisors = [number for number in range(1, total + 1) if total % number == 0]
        raise ConfigError(
            f"{name}: must divide {whole} {total}; got {part}. Use one of {divisors}."
        )
