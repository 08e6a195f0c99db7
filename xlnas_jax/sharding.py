"""Where arrays live: a mesh of all devices, candidates on one axis, data on another.

`pmap` is not used: `jit` over a mesh is its successor, and the same program runs on
one device, on many, and on many hosts.
"""

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int

from xlnas_jax.config import DevicesConfig
from xlnas_jax.types import Batch, ConfigError

POP, DATA = "pop", "data"


def make_mesh(config: DevicesConfig) -> Mesh:
    """A mesh with axes `pop` and `data`.

    Raises:
        ConfigError: the devices there are cannot be divided so.
    """
    devices = jax.devices()
    pop = config.pop or len(devices) // config.data
    wanted = pop * config.data
    if not 1 <= wanted <= len(devices):
        raise ConfigError(
            f"devices: pop times data must lie in 1..{len(devices)}, the number of "
            f"devices; got {config.pop} and {config.data}. With pop: 0 all that data "
            f"leaves over are used."
        )
    grid = np.asarray(devices[:wanted]).reshape(pop, config.data)
    return Mesh(grid, (POP, DATA))


def replicate(mesh: Mesh, tree: Any) -> Any:
    """A copy on every device; on a mesh of one the tree is only put there."""
    if mesh.size == 1:
        return jax.device_put(tree)
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def shard_steps(mesh: Mesh, batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
    """Scoring batches with their steps dealt out over the axis `data`.

    Where the steps cannot be divided evenly, the first one is repeated at weight 0.
    """
    if mesh.size == 1:
        return jax.device_put(batches)
    sharding = NamedSharding(mesh, PartitionSpec(DATA))
    return tuple(_put_steps(batch, mesh.shape[DATA], sharding) for batch in batches)


def _put_steps(batch: Batch, multiple: int, sharding: NamedSharding) -> Batch:
    fill = -batch.tokens.shape[0] % multiple

    def put(path: tuple, leaf: Any) -> jax.Array:
        first = np.asarray(leaf)[:1]
        is_weight = jax.tree_util.keystr(path, simple=True) == "weight"
        more = np.repeat(np.zeros_like(first) if is_weight else first, fill, axis=0)
        return jax.device_put(np.concatenate([np.asarray(leaf), more]), sharding)

    return jax.tree_util.tree_map_with_path(put, batch)


def split_rows(mesh: Mesh, batch: Batch) -> Batch:
    """A training batch with its rows divided over all devices, inside `jit`."""
    if mesh.size == 1:
        return batch
    sharding = NamedSharding(mesh, PartitionSpec((POP, DATA)))
    return jax.lax.with_sharding_constraint(batch, sharding)


def require_divisible(mesh: Mesh, batch_size: int) -> None:
    """Raise `ConfigError` unless every device gets as many rows of a batch."""
    if batch_size % mesh.size:
        raise ConfigError(
            f"train.batch_size: must be a multiple of the {mesh.size} devices; got "
            f"{batch_size}. Change it, or use fewer devices (devices.pop)."
        )


def deal(work: Int[np.ndarray, " pop"], hands: int) -> list[Int[np.ndarray, " _"]]:
    """Candidates dealt out so that all devices finish together.

    The costliest first, always to the device with least work that has room; every
    device has room for as many (longest processing time first).

    References:
        Graham, "Bounds on Multiprocessing Timing Anomalies", 1969.
        https://doi.org/10.1137/0117039
    """
    room = -(-len(work) // hands)
    loads = np.zeros(hands, np.int64)
    dealt: list[list[int]] = [[] for _ in range(hands)]
    for candidate in np.argsort(-work, kind="stable"):
        is_open = np.asarray([len(hand) < room for hand in dealt])
        chosen = int(np.where(is_open, loads, np.iinfo(np.int64).max).argmin())
        dealt[chosen].append(int(candidate))
        loads[chosen] += work[candidate]
    return [np.asarray(sorted(hand), np.int64) for hand in dealt]


def imbalance(
    work: Int[np.ndarray, " pop"], dealt: list[Int[np.ndarray, " _"]]
) -> float:
    """How much longer the busiest device works than the mean one, as a share."""
    loads = np.asarray([work[hand].sum() for hand in dealt], float)
    return float(loads.max() / loads.mean() - 1.0) if loads.any() else 0.0
