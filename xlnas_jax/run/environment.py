"""What a run is made with: versions and devices, for whoever makes it again."""

import platform
from importlib.metadata import PackageNotFoundError, version

import jax

PACKAGES = (
    "xlnas-jax",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
    "tokenizers",
    "transformers",
)


def environment() -> dict[str, str]:
    """Interpreter, machine, devices and versions; not what is not installed."""
    devices = jax.devices()
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "devices": f"{len(devices)} x {devices[0].device_kind}",
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
