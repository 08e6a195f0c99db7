"""What `config.json` says of rotary positions, in the words of any version."""

from collections.abc import Mapping
from typing import Any

from xlnas_jax.types import ConfigError, brief

# Far beyond any published one.
_MOST = 1e12


def theta_of(config: Mapping[str, Any], given: Any, default: Any, where: str) -> float:
    """The base of the angles.

    Args:
        given: what newer versions write: a kind, which must be the plain one, and a
            base; None of older ones.
        default: of what older versions write, or leave out.
    """
    found = given if isinstance(given, Mapping) else {}
    scaling = config.get("rope_scaling")
    kinds = [
        one.get("rope_type", one.get("type", "default"))
        for one in (found, scaling)
        if isinstance(one, Mapping)
    ]
    if any(kind != "default" for kind in kinds):
        raise ConfigError(
            f"{where}: rope_type must be 'default'; got {brief(kinds)}, for which "
            f"there is no layer. Choose another checkpoint."
        )
    theta = found.get("rope_theta", default)
    if type(theta) not in (int, float) or not 1 < theta <= _MOST:
        raise ConfigError(
            f"{where}: rope_theta must be a number above 1, to {_MOST:g}; got "
            f"{brief(theta)}. Use the configuration saved with the weights."
        )
    return float(theta)
