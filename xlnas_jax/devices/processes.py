"""Several processes as one search: what all of them agree on.

Every process runs the same program on the same configuration, and arrays lie on the
devices of all. What the host decides must then be the same everywhere: whatever
depends on a disk or a clock is decided by the first process, which alone writes, and
told to the others. Such messages go over JAX's coordination service, not over the
devices: nothing is compiled for them, and waiting costs nothing.
"""

import itertools
import json
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.devices.sharding import put
from xlnas_jax.types import ConfigError, XlnasError

State = TypeVar("State")

PATIENCE_MS = 7 * 24 * 3600 * 1000
_messages = itertools.count()


def is_several() -> bool:
    """True between processes that have met; asks no device."""
    return jax.distributed.is_initialized()


def is_first() -> bool:
    """True in the one process that writes, logs and shows its progress."""
    return not is_several() or jax.process_index() == 0


def decide(function: Callable[[], Any]) -> Any:
    """What the function returns in the first process, which alone calls it.

    The result must fit into JSON. An error that a user can mend is raised in every
    process.
    """
    if not is_several():
        return function()
    key = f"xlnas/decided/{next(_messages)}"
    if not is_first():
        reply = json.loads(_client().blocking_key_value_get(key, PATIENCE_MS))
        if reply["error"] is not None:
            raise XlnasError(reply["error"])
        return reply["value"]
    try:
        value = function()
    except (XlnasError, OSError) as error:
        _client().key_value_set(key, json.dumps({"error": str(error)}))
        raise
    _client().key_value_set(key, json.dumps({"error": None, "value": value}))
    return value


def agree(what: str, value: Any) -> None:
    """Raises `ConfigError`, in every process, unless all have the same value.

    Args:
        value: anything that JSON can hold.
    """
    if not is_several():
        return
    folder = f"xlnas/said/{next(_messages)}"
    mine = f"{zlib.crc32(json.dumps(value, sort_keys=True).encode()):08x}"
    _client().key_value_set(f"{folder}/{jax.process_index():09}", mine)
    wait(folder, PATIENCE_MS)

    def odd_ones() -> list[int]:
        said = sorted(_client().key_value_dir_get(folder))
        _client().key_value_delete(folder)
        return [int(k.rsplit("/", 1)[1]) for k, v in said if v != mine]

    odd = decide(odd_ones)
    if odd:
        raise ConfigError(
            f"processes: {what} must be the same in all {jax.process_count()}; got "
            f"others than the first's in {odd[:8]}. Give every process the same "
            f"configuration, data files, model, package versions and devices."
        )


def fingerprint(tree: Any) -> int:
    """CRC-32 of the arrays of a tree; those that no process has whole are left out."""
    found = 0
    for leaf in jax.tree.leaves(tree):
        if isinstance(leaf, jax.Array) and not (
            leaf.is_fully_addressable or leaf.is_fully_replicated
        ):
            continue
        data: Any = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8)
        found = zlib.crc32(data, found)
    return found


def restore_everywhere(
    restore: Callable[[Any], tuple[int, Any] | None], template: State
) -> tuple[int, State] | None:
    """What `restore(template)` finds in the first process; the others need no disk."""
    if not is_several():
        return restore(template)
    found: list[Any] = []

    def read() -> int | None:
        restored = restore(jax.tree.map(_on_host, template))
        if restored is None:
            return None
        found.append(restored[1])
        return restored[0]

    step = decide(read)
    if step is None:
        return None
    saved = found[0] if found else jax.tree.map(_on_host, template)
    return step, jax.tree.map(_share, template, saved)


def _on_host(leaf: Any) -> Any:
    """Stands for a leaf that is to be read as NumPy."""
    if not isinstance(leaf, jax.Array):
        return leaf
    raw = jax.random.key_data(leaf) if _is_key(leaf) else leaf
    return jax.ShapeDtypeStruct(raw.shape, raw.dtype)


def _is_key(leaf: jax.Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _share(leaf: Any, saved: Any) -> Any:
    """The first process's saved array, where the template's leaf is, bit for bit."""
    from jax.experimental import multihost_utils

    host = np.asarray(saved) if is_first() else np.zeros(saved.shape, saved.dtype)
    if host.size:
        # Added up with zeros from the others: of floats that would lose signs of zero.
        data = multihost_utils.broadcast_one_to_all(host.reshape(-1).view(np.uint8))
        host = np.asarray(data).view(host.dtype).reshape(host.shape)
    if not isinstance(leaf, jax.Array):
        return host
    if _is_key(leaf):
        data = put(host, jax.random.key_data(leaf).sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    return put(host, leaf.sharding)


def _client() -> Any:
    """JAX's coordination service; it has no public name yet."""
    from jax._src import distributed

    assert distributed.global_state.client is not None
    return distributed.global_state.client


def wait(barrier: str, patience_ms: int) -> None:
    """Returns when all processes have come to the barrier of this name."""
    _client().wait_at_barrier(f"xlnas/{barrier}", patience_ms)
