"""Trees of arrays on the disk: the only place that knows Orbax.

Everything is written to a temporary sibling and renamed when it is complete, with
the size and checksum of every file beside it. So a killed save leaves nothing that
looks like a tree, and a damaged one is known before it is read.
"""

import contextlib
import errno
import json
import logging
import os
import shutil
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import NamedSharding, PartitionSpec

from xlnas_jax.types import CheckpointError

Leaves = dict[str, np.ndarray]

MANIFEST = "manifest.json"
_READ_SIZE = 1 << 22
# After one write failed: time for the others to fail too, while they are silenced.
_STRAGGLER_SECONDS = 1.0


def save_tree(directory: str | os.PathLike[str], tree: Any) -> None:
    """Write a pytree of arrays as a new directory, all of it or nothing.

    Dataclass fields, dictionary keys and positions become the names by which
    `load_tree` returns the arrays.
    """
    write_leaves(Path(directory).absolute(), snapshot(tree))


def load_tree(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Nested dictionaries of the arrays that `save_tree` wrote, bit for bit."""
    return _nest(read_leaves(Path(directory).absolute()))


def snapshot(tree: Any, is_kept: bool = True) -> Leaves:
    """Host copies of the leaves by name: later donation cannot reach them."""
    leaves = {}
    for name, leaf in named(tree).items():
        raw = raw_leaf(leaf)
        if isinstance(raw, jax.Array) and not raw.is_fully_addressable:
            assert isinstance(raw.sharding, NamedSharding)
            # One at a time, so that no device ever holds the whole state.
            whole = NamedSharding(raw.sharding.mesh, PartitionSpec())
            raw = jax.device_put(raw, whole)
        if is_kept:
            leaves[name] = np.array(raw)
    return leaves


def named(tree: Any) -> dict[str, Any]:
    """The leaves of a pytree by the names that they are saved under."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in paths
    }


def is_key(leaf: Any) -> bool:
    """True for a typed random key."""
    return isinstance(leaf, jax.Array) and jnp.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )


def raw_leaf(leaf: Any) -> Any:
    """The numbers of a leaf, also of a random key."""
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


def _nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *parents, last = name.split("/")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return nested


def write_leaves(directory: Path, leaves: Leaves) -> None:
    """Write arrays as a new directory, all of it or nothing."""
    if directory.exists():
        raise CheckpointError(
            f"{directory}: must not exist yet; it does. Delete it or name another."
        )
    temporary = directory.with_name(f".{directory.name}.tmp")
    # Orbax cannot hold arrays without elements: their shape is all there is to save.
    empty = {
        name: [leaf.dtype.name, leaf.shape]
        for name, leaf in leaves.items()
        if not leaf.size
    }
    filled = {name: leaf for name, leaf in leaves.items() if leaf.size}
    try:
        with explained(directory, "written"), _quiet_orbax():
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            if filled:
                with _orbax() as checkpointer:
                    checkpointer.save(temporary, _nest(filled), force=True)
            files = {
                str(path.relative_to(temporary)): _fingerprint(path)
                for path in sorted(temporary.rglob("*"))
                if path.is_file()
            }
            _write_manifest(temporary / MANIFEST, {"files": files, "empty": empty})
            os.replace(temporary, directory)
    except CheckpointError:
        for leftover in directory.parent.glob(f".{directory.name}.tmp*"):
            shutil.rmtree(leftover, ignore_errors=True)
        raise


def read_leaves(directory: Path) -> Leaves:
    """The arrays of a directory by name, checked before any is read."""
    if not directory.is_dir():
        raise CheckpointError(f"{directory}: must be a saved tree; no such folder.")
    content = _read_manifest(directory / MANIFEST)
    # Checked before Orbax opens them: its concurrent reads fail less legibly.
    for name, expected in content["files"].items():
        path = directory / name
        if not path.is_file():
            raise CheckpointError(f"{directory}: is damaged: {name} is missing.")
        size, checksum = _fingerprint(path)
        if size != expected[0]:
            raise CheckpointError(
                f"{directory}: is damaged: {name} must have {expected[0]} bytes; "
                f"got {size}."
            )
        if checksum != expected[1]:
            raise CheckpointError(
                f"{directory}: is damaged: {name} has another checksum than when "
                "it was written."
            )
    leaves = {
        name: np.zeros(shape, np.dtype(dtype))
        for name, (dtype, shape) in content["empty"].items()
    }
    if content["files"]:
        with explained(directory, "read"), _quiet_orbax():
            with _orbax() as checkpointer:
                leaves |= named(checkpointer.restore(directory))
    return leaves


def _fingerprint(path: Path) -> tuple[int, int]:
    """Size and CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(_READ_SIZE):
            checksum = zlib.crc32(chunk, checksum)
        return file.tell(), checksum


def _write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, sort_keys=True)
    checksum = zlib.crc32(text.encode())
    path.write_text(json.dumps({"crc32": checksum, "content": text}))


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text())
        if zlib.crc32(manifest["content"].encode()) != manifest["crc32"]:
            raise ValueError("another checksum than when it was written")
        return json.loads(manifest["content"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path.parent}: is damaged: {path.name} cannot be read ({error})."
        ) from error


@contextlib.contextmanager
def explained(directory: Path, what: str) -> Iterator[None]:
    """Turn whatever file systems and Orbax raise into one paragraph."""
    try:
        yield
    except CheckpointError:
        raise
    # Orbax passes on errors of many libraries; they share no narrower type.
    except Exception as error:
        if _is_out_of_space(error):
            raise CheckpointError(
                f"{directory}: cannot be {what}: no space left on the device. What "
                "was saved before is intact; free some space and run again."
            ) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{directory}: cannot be {what}: {reason}") from error


def _is_out_of_space(error: BaseException | None) -> bool:
    while error is not None:
        number = error.errno if isinstance(error, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(text in str(error) for text in ("No space left", "Disk quota")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _orbax() -> ocp.Checkpointer:
    """Reads and writes in this process alone: Orbax would wait for the others."""
    me = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(me, {me}, f"alone{me}")
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


@contextlib.contextmanager
def _quiet_orbax() -> Iterator[None]:
    """Silence what Orbax logs of an error: it reaches the user as an exception.

    When one of its concurrent writes fails, the others end in a closed event loop
    and would each print a traceback.
    """

    def is_foreign(record: logging.LogRecord) -> bool:
        return "orbax" not in record.pathname

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            outer(unraisable)

    logger = logging.getLogger("absl")
    outer, sys.unraisablehook = sys.unraisablehook, hook
    logger.addFilter(is_foreign)
    try:
        yield
    except Exception:
        time.sleep(_STRAGGLER_SECONDS)
        raise
    finally:
        logger.removeFilter(is_foreign)
        sys.unraisablehook = outer
