"""What JAX runs on here, and where it keeps what it compiled."""

import os
import warnings
from pathlib import Path

import jax

from xlnas_jax.types import XlnasError

CACHE_VARIABLE = "JAX_COMPILATION_CACHE_DIR"


class PlatformError(XlnasError):
    """The platform that JAX is told to run on is not there."""


class CacheWarning(UserWarning):
    """Compiled programs cannot be kept on disk."""


def require_platform() -> None:
    """An error where JAX finds no device, before anything is computed.

    Raises:
        PlatformError: `JAX_PLATFORMS` names a platform that this machine, or this
            installation of JAX, does not have.
    """
    try:
        jax.devices()
    # A plug-in that is not installed ends in an assertion of JAX's own.
    except (RuntimeError, AssertionError) as error:
        wanted = os.environ.get("JAX_PLATFORMS") or "any"
        reason = " ".join(str(error).split()).removesuffix(".")
        raise PlatformError(
            f"JAX_PLATFORMS: must name a platform that is here; got {wanted!r}"
            f"{': ' + reason if reason else ''}. Unset it to take what there is, or "
            f"install JAX for that platform, such as `pip install -e '.[cuda12]'`."
        ) from error


def use_compilation_cache() -> None:
    """Keeps compiled programs on disk, so that a second start need not compile.

    Where there is no home directory, or nothing can be written there, every start
    compiles anew.
    """
    if CACHE_VARIABLE in os.environ:  # whoever chose a place chose what goes there
        return
    try:
        folder = Path.home() / ".cache" / "xlnas_jax" / "compiled"
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} cannot be written")
    # Without a home directory `pathlib` raises RuntimeError.
    except (OSError, RuntimeError) as error:
        warnings.warn(
            CacheWarning(
                f"compiled programs are not kept, and the next start compiles them "
                f"again: {error}. Set {CACHE_VARIABLE} to a folder that can be "
                f"written."
            ),
            stacklevel=2,
        )
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Small programs too: there are a hundred of them, and a warm start reads them all.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
