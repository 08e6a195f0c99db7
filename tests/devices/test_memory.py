"""What a process holds is what the system says."""

import os
import pathlib
import subprocess
import sys

import pytest

from xlnas_jax.devices import memory

# In a process of its own: one that has freed much before need not grow.
PEAK = """
import numpy as np
from xlnas_jax.devices.memory import forget_peak, status_bytes
forget_peak()
before = status_bytes("VmRSS")
block = np.ones(2**22)  # 32 MiB
del block
print(status_bytes("VmHWM") - before)
"""


def test_the_resident_size_is_that_of_this_process():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    expected = pages * os.sysconf("SC_PAGE_SIZE")
    assert memory.status_bytes("VmRSS") == pytest.approx(expected, rel=0.05)


def test_the_peak_counts_what_was_freed_again():
    command = [sys.executable, "-c", PEAK]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) >= 30 * 2**20


def test_where_the_system_does_not_tell_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "no" / "clear")
    memory.forget_peak()
    assert memory.status_bytes("VmHWM") is None
