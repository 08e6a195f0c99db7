"""How processes that were launched together meet, and how they part.

JAX itself detects SLURM, Open MPI, Kubernetes and TPU pods (see tools/launch). Where
nothing says that there are several processes, nothing is done.
"""

import atexit
import contextlib
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from xlnas_jax.devices.processes import PATIENCE_MS, is_first, is_several, wait
from xlnas_jax.types import ConfigError

ADDRESS, SIZE, RANK = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"
# Seconds within which all processes must have started.
JOIN_SECONDS = "XLNAS_JOIN_SECONDS"
_BY_HAND = f"Set {ADDRESS} (host:port of the first process), {SIZE} and {RANK}"
_JAX_GRACE_SECONDS = 60
_FAILED_TOGETHER_MS = 5_000
_NUM_DEVICES = re.compile(r"--xla_force_host_platform_device_count=(\d+)")
# One that computes, one that waits with the next program, and two collectives.
_THREADS_PER_DEVICE = 4


def is_launched(environment: Mapping[str, str]) -> bool:
    """True where the environment says that this is one of several processes.

    These are the variables by which JAX itself detects SLURM, Open MPI, Kubernetes
    and TPU pods, and three of ours that go before them; `JAX_NUM_PROCESSES=1` makes
    every process a search of its own.
    """
    if SIZE in environment:
        return environment[SIZE] != "1"
    step = environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1"))
    hosts = environment.get("TPU_PROCESS_ADDRESSES")
    hosts = hosts or environment.get("TPU_WORKER_HOSTNAMES", "")
    return any(
        (
            "SLURM_STEP_NODELIST" in environment and step != "1",
            environment.get("OMPI_COMM_WORLD_SIZE", "1") != "1",
            {"KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"} <= environment.keys(),
            "," in hosts or environment.get("MEGASCALE_NUM_SLICES", "1") != "1",
            # Set on import by JAX on a TPU machine: only its metadata server knows
            # whether there are others.
            "TPU_ML_PLATFORM" in environment
            and "TPU_SKIP_MDS_QUERY" not in environment
            and not hosts,
        )
    )


@contextlib.contextmanager
def joined(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Meets the other processes, if any were launched, before any device is used.

    Stdout is left to what comes after, and warnings to the first process. A process
    that alone fails ends at once, so that the others do not wait for it.

    Raises:
        ConfigError: they cannot be met.
    """
    if not is_launched(environment) or is_several():
        yield
        return
    _meet(environment)
    try:
        with _stdout_on_stderr(), warnings.catch_warnings():
            if not is_first():
                warnings.simplefilter("ignore")
            yield
        wait("done", PATIENCE_MS)
    except BaseException:
        try:
            wait("failed", _FAILED_TOGETHER_MS)
        except jax.errors.JaxRuntimeError:
            # Before JAX's own, which would wait minutes for processes that are stuck.
            atexit.register(_leave)
        raise


def _meet(environment: Mapping[str, str]) -> None:
    seconds = int(environment.get(JOIN_SECONDS, "300"))
    given = _given(environment)
    name = "this process" if not given else f"process {given['process_id']}"
    # JAX ends the process by itself where others do not come; it does not say why.
    watch = threading.Timer(seconds, _give_up, (name, seconds, given))
    watch.daemon = True
    watch.start()
    # JAX would catch SIGTERM to announce it; a search may be killed at any instant.
    jax.config.update("jax_enable_preemption_service", False)
    # On CPU, programs dispatched one after another may run in another order, and
    # messages of two of them, in another order in each process, wait for each other.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    os.environ.setdefault("NPROC", str(_num_threads(environment)))
    try:
        jax.distributed.initialize(
            **given, initialization_timeout=seconds + _JAX_GRACE_SECONDS
        )
    # Cluster detection raises whatever its libraries do.
    except Exception as error:
        raise ConfigError(
            f"processes: all that were launched must be able to meet; {name} got: "
            f"{_first_line(error)}. {_BY_HAND}; or {SIZE}=1 for a search of its own."
        ) from error
    finally:
        watch.cancel()


def _num_threads(environment: Mapping[str, str]) -> int:
    """How many threads XLA's pools need on CPU, where they have one a core.

    A device that waits for a message holds one, its next program, already launched,
    another. On fewer none is left for the device whose message is waited for.
    """
    given = _NUM_DEVICES.search(environment.get("XLA_FLAGS", ""))
    set_by_jax = jax.config.values["jax_num_cpu_devices"]
    num_devices = max(int(given[1]) if given else 1, set_by_jax)
    return max(os.cpu_count() or 1, _THREADS_PER_DEVICE * num_devices)


def _given(environment: Mapping[str, str]) -> dict[str, Any]:
    """What our own variables say; nothing where JAX is to find out."""
    if SIZE not in environment:
        return {}
    missing = [name for name in (ADDRESS, RANK) if not environment.get(name)]
    numbers = {name: environment.get(name, "0") for name in (SIZE, RANK)}
    wrong = [name for name, value in numbers.items() if not value.isdecimal()]
    size, rank = (0 if wrong else int(value) for value in numbers.values())
    if missing or wrong or rank >= size:
        raise ConfigError(
            f"processes: {ADDRESS}, {SIZE} and {RANK} must all be given, with a rank "
            f"below the size; got {environment.get(ADDRESS)!r}, {numbers[SIZE]!r} and "
            f"{environment.get(RANK)!r}. {_BY_HAND}."
        )
    return {
        "coordinator_address": environment[ADDRESS],
        "num_processes": size,
        "process_id": rank,
        "cluster_detection_method": "deactivate",
    }


def _give_up(name: str, seconds: int, given: Mapping[str, Any]) -> None:
    where = given.get("coordinator_address", "the address that the cluster gives")
    print(
        f"xlnas: processes: all that were launched must meet within {seconds} seconds; "
        f"{name} waited for the others at {where} in vain. See whether all were "
        f"started and can reach it, or allow more time by {JOIN_SECONDS}.",
        file=sys.stderr,
        flush=True,
    )
    os._exit(2)


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextlib.contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """What libraries print, past Python too, is no result."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
