"""Every transfer method by its name in the configuration."""

import difflib

from xlnas_jax.training.methods import distill, finetune, sandwich
from xlnas_jax.training.methods.base import Method
from xlnas_jax.types import ConfigError, brief

METHODS: dict[str, Method] = {
    made.METHOD.name: made.METHOD for made in (finetune, sandwich, distill)
}


def method_named(name: str) -> Method:
    """The method that `train.method` names.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in METHODS:
        close = difflib.get_close_matches(name, METHODS, 1)
        raise ConfigError(
            f"train.method: must be one of {', '.join(METHODS)}; got {brief(name)}."
            + (f" Did you mean {close[0]!r}?" if close else "")
        )
    return METHODS[name]
