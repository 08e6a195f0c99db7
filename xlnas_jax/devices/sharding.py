"""Where arrays live: a mesh of all devices, candidates on one axis, data on another.

`pmap` is not used: `jit` over a mesh is its successor, and the same program runs on
one device, on many, and on many hosts. With `fsdp` weights and what the optimizer
knows of them are cut into one part a device, and put together where they are used.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.learner import Layout
from xlnas_jax.types import Batch, ConfigError

POP, DATA = "pop", "data"
# Arrays of fewer elements are not worth a message to put them together.
LEAST_CUT = 1024


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
    used = {device.process_index for device in devices[:wanted]}
    if len(used) < jax.process_count():
        raise ConfigError(
            f"devices: the first {wanted} of {len(devices)} devices must include some "
            f"of every process; got {len(used)} of {jax.process_count()} processes. "
            f"With pop: 0 all devices are used; or start fewer processes."
        )
    grid = np.asarray(devices[:wanted]).reshape(pop, config.data)
    return Mesh(grid, (POP, DATA))


def replicate(mesh: Mesh, tree: Any) -> Any:
    """A copy on every device; on a mesh of one the tree is only put there."""
    return place(mesh, tree)


def place(mesh: Mesh, tree: Any, fsdp: bool = False) -> Any:
    """The tree on all devices: whole on each, or with `fsdp` cut into parts.

    What is NumPy, or on one device, must be the same in every process.
    """
    if mesh.size == 1:
        return jax.device_put(tree)
    return jax.tree.map(
        lambda leaf: put(leaf, NamedSharding(mesh, _spec(mesh, leaf, fsdp))), tree
    )


def put(leaf: Any, sharding: jax.sharding.Sharding) -> jax.Array:
    """An array where `sharding` says, though some devices be another process's."""
    is_global = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
    if sharding.is_fully_addressable or is_global:
        return jax.device_put(leaf, sharding)
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = put(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    # `device_put` would compare the values of all processes, leaf by leaf.
    host = np.asarray(leaf)
    return jax.make_array_from_callback(host.shape, sharding, lambda i: host[i])


def _spec(mesh: Mesh, leaf: Any, fsdp: bool) -> PartitionSpec:
    """Along the largest axis that the number of devices divides; small ones whole."""
    shape = np.shape(leaf)
    axes = [axis for axis, size in enumerate(shape) if size % mesh.size == 0]
    if not fsdp or not axes or np.prod(shape) < LEAST_CUT:
        return PartitionSpec()
    cut = max(axes, key=shape.__getitem__)
    return PartitionSpec(*[None] * cut, (POP, DATA))


def make_layout(mesh: Mesh, fsdp: bool) -> Layout:
    """How weight steps lie on the mesh."""
    if mesh.size == 1:
        return Layout()
    return Layout(
        split=functools.partial(split_rows, mesh),
        gather=functools.partial(constrain, mesh),
        store=functools.partial(constrain, mesh, fsdp=fsdp),
    )


def constrain(mesh: Mesh, tree: Any, fsdp: bool = False) -> Any:
    """As `place`, inside `jit`."""
    return jax.tree.map(
        lambda leaf: jax.lax.with_sharding_constraint(
            leaf, NamedSharding(mesh, _spec(mesh, leaf, fsdp))
        ),
        tree,
    )


def local(tree: Any) -> Any:
    """The tree whole on this process's first device; every process must call it."""

    def one(leaf: jax.Array) -> jax.Array:
        if len(leaf.sharding.device_set) == 1:
            return leaf
        return whole(leaf).addressable_data(0)

    return jax.tree.map(one, tree)


def whole(leaf: jax.Array) -> jax.Array:
    """The array with a copy on every device of its mesh."""
    if leaf.is_fully_replicated:
        return leaf
    assert isinstance(leaf.sharding, NamedSharding)
    return jax.device_put(leaf, NamedSharding(leaf.sharding.mesh, PartitionSpec()))


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

    def fill_up(path: tuple, leaf: Any) -> jax.Array:
        first = np.asarray(leaf)[:1]
        is_weight = jax.tree_util.keystr(path, simple=True) == "weight"
        more = np.repeat(np.zeros_like(first) if is_weight else first, fill, axis=0)
        return put(np.concatenate([np.asarray(leaf), more]), sharding)

    return jax.tree_util.tree_map_with_path(fill_up, batch)


def split_rows(mesh: Mesh, batch: Batch) -> Batch:
    """A training batch with its rows divided over all devices, inside `jit`."""
    if mesh.size == 1:
        return batch
    sharding = NamedSharding(mesh, PartitionSpec((POP, DATA)))
    return jax.lax.with_sharding_constraint(batch, sharding)


def require_divisible(mesh: Mesh, train: TrainConfig) -> None:
    """Raise `ConfigError` unless every device gets as many rows of a batch's parts."""
    parts = train.accumulate
    if train.batch_size % (mesh.size * parts):
        times = f" times train.accumulate {parts}" if parts > 1 else ""
        raise ConfigError(
            f"train.batch_size: must be a multiple of the {mesh.size} devices{times}; "
            f"got {train.batch_size}. Change it, or use fewer devices (devices.pop)."
        )
