"""What a measurement ran on: hardware, versions, commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from typing import Any

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "xlnas-jax")


def environment() -> dict[str, Any]:
    """Plain values, to be stored beside every result."""
    import jax

    return {
        "devices": sorted({device.device_kind for device in jax.devices()}),
        "num_devices": jax.device_count(),
        "cpu_cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _commit() -> str:
    """Short hash of the checkout, with a plus where it has changes."""
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip()
