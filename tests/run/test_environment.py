"""A run remembers what it was made with."""

import platform
from importlib.metadata import version

import jax

from xlnas_jax.run import environment as module
from xlnas_jax.run.environment import environment


def test_versions_and_devices_are_those_that_there_are(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("jax", "no-such-package"))
    found = environment()
    assert found == {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "jax": version("jax"),
    }
