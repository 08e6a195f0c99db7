"""Processes meet where several were launched, and nowhere else."""

import os
import socket
import subprocess
import sys

import jax
import pytest

from tests.launching import launch, stand_in
from xlnas_jax.devices.joining import is_launched, joined
from xlnas_jax.types import ConfigError

SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_NODELIST": "node[1-2]",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
}
KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}
BY_HAND = {
    "JAX_COORDINATOR_ADDRESS": "127.0.0.1:1",
    "JAX_NUM_PROCESSES": "2",
    "JAX_PROCESS_ID": "1",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"HOME": "/root", "JAX_PLATFORMS": "cpu"}, False),
        (BY_HAND, True),
        ({"JAX_NUM_PROCESSES": "2"}, True),
        (SLURM, True),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "4"}, True),
        # An interactive shell of a job of four tasks; and a job without a step.
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1"}, False),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, False),
        (SLURM | {"SLURM_NTASKS": "1"}, False),
        (SLURM | {"JAX_NUM_PROCESSES": "1"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1"}, False),
        (KUBERNETES, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({"TPU_WORKER_HOSTNAMES": "t0,t1", "TPU_WORKER_ID": "0"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost", "TPU_ML_PLATFORM": "JAX"}, False),
        ({"MEGASCALE_NUM_SLICES": "2"}, True),
        ({"TPU_ML_PLATFORM": "JAX"}, True),
        ({"TPU_ML_PLATFORM": "JAX", "TPU_SKIP_MDS_QUERY": "1"}, False),
    ],
)
def test_only_what_says_that_there_are_several_counts(environment, expected):
    assert is_launched(environment) is expected


def test_alone_nothing_is_joined():
    with joined({}):
        assert not jax.distributed.is_initialized()


@pytest.mark.parametrize(
    "change",
    [
        {"JAX_COORDINATOR_ADDRESS": ""},
        {"JAX_PROCESS_ID": ""},
        {"JAX_PROCESS_ID": "2"},
        {"JAX_PROCESS_ID": "-1"},
        {"JAX_NUM_PROCESSES": "two"},
    ],
)
def test_what_is_given_by_hand_must_be_whole(change):
    with pytest.raises(ConfigError, match="must all be given, with a rank below"):
        joined(BY_HAND | change).__enter__()


JOIN = "from xlnas_jax.devices.joining import joined\nwith joined(): pass\n"


def run_alone(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_launcher_that_jax_cannot_read_is_an_error_that_says_what_to_set():
    # Open MPI 5 no longer tells where the first process is.
    done = run_alone(JOIN, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="0")
    assert done.returncode == 1
    assert "ConfigError: processes: all that were launched must" in done.stderr
    assert "Set JAX_COORDINATOR_ADDRESS" in done.stderr


@pytest.mark.parametrize("rank", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_processes_that_do_not_come_are_not_waited_for_for_ever(rank):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    done = run_alone(
        JOIN,
        JAX_COORDINATOR_ADDRESS=address,
        JAX_NUM_PROCESSES="2",
        JAX_PROCESS_ID=rank,
        XLNAS_JOIN_SECONDS="2",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == (
        "xlnas: processes: all that were launched must meet within 2 seconds; process "
        f"{rank} waited for the others at {address} in vain. See whether all were "
        "started and can reach it, or allow more time by XLNAS_JOIN_SECONDS."
    )


# The first goes on to a decision that the other never comes to hear.
ONE_FAILS = """
from xlnas_jax.devices.joining import joined
from xlnas_jax.devices.processes import (
    is_first,
    wait,
)
with joined():
    if not is_first():
        raise OSError("the disk of one process is full")
    wait("what the other never comes to", 10**6)
"""


@pytest.mark.slow
def test_a_process_that_alone_fails_ends_all(tmp_path):
    done = launch(2, "config", path=stand_in(tmp_path, ONE_FAILS))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the disk of one process is full" in done.stderr


ALL_FAIL = """
import sys
from xlnas_jax.devices.joining import joined
from xlnas_jax.devices.processes import decide
from xlnas_jax.types import (
    CheckpointError,
    XlnasError,
)
def refuse():
    raise CheckpointError("only the first looked")
try:
    with joined():
        decide(refuse)
except XlnasError as error:
    sys.exit(f"told: {error}")
"""


def test_what_the_first_process_finds_wrong_ends_all_in_good_order(tmp_path):
    done = launch(2, "config", path=stand_in(tmp_path, ALL_FAIL))
    assert done.returncode == 1
    # local.sh may end the second before it has said so too.
    assert "told: only the first looked" in done.stderr
    assert "Terminating process" not in done.stderr
