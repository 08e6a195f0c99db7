"""Every transfer method by its name in the configuration."""

import difflib

from xlnas_jax.training.methods import (
    adversarial,
    distill,
    fgm,
    filter,
    finetune,
    maml,
    mixup,
    pgd,
    rdrop,
    sandwich,
    soft_layers,
    translate_train,
    xtune,
)
from xlnas_jax.training.methods.base import Method
from xlnas_jax.types import ConfigError, brief

METHODS: dict[str, Method] = {
    made.METHOD.name: made.METHOD
    for made in (
        *(finetune, sandwich, distill),
        *(rdrop, fgm, pgd),
        *(soft_layers, maml, adversarial),
        *(translate_train, mixup, filter, xtune),
    )
}


def method_named(name: str) -> Method:
    """The method that `train.method` names.

    Raises:
        ConfigError: there is none of that name.
    """
    return _named(name, "train.method", tuple(METHODS))


def warm_up_named(name: str) -> Method:
    """The method that `train.warm_up_method` names, as it is in a warm-up.

    Raises:
        ConfigError: there is none of that name, or no warm-up can be by it.
    """
    able = tuple(name for name, method in METHODS.items() if method.warms_up)
    method = _named(name, "train.warm_up_method", able)
    return method._replace(gradients=method.first or method.gradients)


def _named(name: str, option: str, names: tuple[str, ...]) -> Method:
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        raise ConfigError(
            f"{option}: must be one of {', '.join(names)}; got {brief(name)}."
            + (f" Did you mean {close[0]!r}?" if close else "")
        )
    return METHODS[name]
