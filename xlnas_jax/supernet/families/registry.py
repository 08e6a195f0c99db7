"""Every encoder family by the `model_type` of its `config.json`."""

import difflib
from collections.abc import Mapping
from typing import Any

from xlnas_jax.space.shape import EncoderShape, Spec
from xlnas_jax.supernet.families import (
    bert,
    camembert,
    deberta_v2,
    distilbert,
    eurobert,
    gte,
    modernbert,
    roberta,
    xlm_roberta,
    xlm_roberta_xl,
)
from xlnas_jax.supernet.families.base import Family, require_built
from xlnas_jax.types import ConfigError, brief

FAMILIES: Mapping[str, Family] = {
    made.FAMILY.name: made.FAMILY
    for made in (
        bert,
        roberta,
        xlm_roberta,
        xlm_roberta_xl,
        camembert,
        distilbert,
        modernbert,
        eurobert,
        gte,
        deberta_v2,
    )
}
# Of encoders that were trained from nothing here, and as which they compute.
SCRATCH, OF_SCRATCH = "scratch", "bert"


def family_of(config: Mapping[str, Any], where: str) -> Family:
    """The family of a `config.json`, where its forward pass is one that is built.

    Raises:
        ConfigError: there is none of that name, or it is configured otherwise.
    """
    name = config.get("model_type")
    if not isinstance(name, str) or name not in FAMILIES:
        near = difflib.get_close_matches(str(name)[:80], FAMILIES, 1, 0.0)
        raise ConfigError(
            f"{where}: model_type must be one of {', '.join(FAMILIES)}; got "
            f"{brief(name)}. Choose a checkpoint of one of these; the nearest by name "
            f"is {near[0] if near else next(iter(FAMILIES))}."
        )
    family = FAMILIES[name]
    for key, wanted in family.fixed.items():
        if config.get(key, wanted) != wanted:
            raise ConfigError(
                f"{where}: {key} must be {wanted!r}; got {brief(config[key])}, for "
                f"which there is no layer. Choose another checkpoint."
            )
    require_built(family.spec, where)
    return family


def of_layers(name: str) -> Family:
    """The family whose classes compute what an encoder of a family, or none, does."""
    return FAMILIES[OF_SCRATCH if name == SCRATCH else name]


def spec_of(name: str) -> Spec:
    """How encoders of a family, or of none, compute."""
    return FAMILIES[name].spec if name in FAMILIES else Spec()


def shape_from(content: Mapping[str, Any]) -> EncoderShape:
    """The inverse of `EncoderShape.as_dict`; the spec is that of the family."""
    local = tuple(content.get("local_layers", ()))
    spec = spec_of(content["family"])
    return EncoderShape(**{**content, "local_layers": local}, spec=spec)
