"""What a run is made with: versions and devices, for whoever makes it again."""

import platform

import jax

from xlnas_jax.terminal.versions import NOT_INSTALLED, version_of

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
    versions = {name: version_of(name) for name in PACKAGES}
    own = {name: one for name, one in versions.items() if one != NOT_INSTALLED}
    return found | own
