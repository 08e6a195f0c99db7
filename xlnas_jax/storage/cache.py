"""The folder for what is made once and kept for all runs.

It is `$XLNAS_CACHE`, or `.cache/xlnas_jax` in the home directory.
"""

import os
from pathlib import Path

from xlnas_jax.types import ConfigError

VARIABLE = "XLNAS_CACHE"


def cache_folder() -> Path:
    """Where it is, or will be.

    Raises:
        ConfigError: the variable is not set, and there is no home directory.
    """
    given = os.environ.get(VARIABLE)
    try:
        return Path(given or "~/.cache/xlnas_jax").expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(
            f"{VARIABLE}: must name a folder where there is no home directory; it is "
            f"not set. Set it to a folder that can be written."
        ) from error
