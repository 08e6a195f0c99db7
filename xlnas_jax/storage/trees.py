"""Trees of arrays on the disk: the only place that writes by Orbax.

Everything is written to a temporary sibling and renamed when it is complete and on the
disk, with the size and checksum of every file beside it. So a killed save leaves
nothing that looks like a tree, and a damaged one is known before it is read.
"""

import contextlib
import errno
import json
import logging
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import NamedSharding, PartitionSpec

from xlnas_jax.files import MAX_BYTES, parse_json, sync
from xlnas_jax.storage import database, stored
from xlnas_jax.storage.listing import (
    Entry,
    crc32,
    damaged,
    list_files,
    one_line,
    parse_entries,
    read_listed_json,
    require_listed,
    require_nothing_else,
    sync_below,
)
from xlnas_jax.storage.stored import Arrays, Stored, parse_dtype, parse_shape
from xlnas_jax.types import CheckpointError, brief

Leaves = dict[str, np.ndarray]

MANIFEST = "manifest.json"
# After one write failed: time for the others to fail too, while they are silenced.
_STRAGGLER_SECONDS = 1.0


def save_tree(directory: str | os.PathLike[str], tree: Any) -> None:
    """Write a pytree of arrays as a new directory, all of it or nothing.

    Dataclass fields, dictionary keys and positions become the names by which
    `load_tree` returns the arrays. The same arrays give the same bytes, whoever writes
    them, where and when.
    """
    leaves = snapshot(tree)
    with _new_directory(Path(directory).absolute(), leaves) as temporary:
        if (temporary / stored.METADATA).exists():
            database.rewrite(temporary)
            _forget_author(temporary)


def load_tree(
    directory: str | os.PathLike[str],
    require: Callable[[Mapping[str, Stored]], None] | None = None,
) -> dict[str, Any]:
    """Nested dictionaries of the arrays that `save_tree` wrote, bit for bit.

    Args:
        require: is given what is known of the arrays before any is read, to raise an
            error of its own.
    """
    return _nest(read_leaves(Path(directory).absolute(), require))


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
    with _new_directory(directory, leaves):
        pass


@contextlib.contextmanager
def _new_directory(directory: Path, leaves: Leaves) -> Iterator[Path]:
    """Write arrays to a temporary directory, which gets its name at the end."""
    if os.path.lexists(directory):
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
            directory.parent.mkdir(parents=True, exist_ok=True)
            _remove(temporary)
            temporary.mkdir()
            if filled:
                with _orbax() as checkpointer:
                    checkpointer.save(temporary, _nest(filled), force=True)
            yield temporary
            files = list_files(temporary, crc32)
            _write_manifest(temporary / MANIFEST, {"files": files, "empty": empty})
            sync_below(temporary)
            os.rename(temporary, directory)
            sync(directory.parent)
    except CheckpointError:
        for leftover in directory.parent.glob(f".{directory.name}.tmp*"):
            _remove(leftover)
        raise


def _remove(path: Path) -> None:
    """Delete a directory of ours, or a link to one, never what it leads to."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path, ignore_errors=True)


def _forget_author(temporary: Path) -> None:
    """Drop Orbax's notes of where and when it wrote; it reads without them."""
    (temporary / "commit_success.txt").unlink(missing_ok=True)
    path = temporary / "_CHECKPOINT_METADATA"
    content = json.loads(path.read_text())
    content |= {key: None for key in content if key.endswith("_timestamp_nsecs")}
    path.write_text(json.dumps(content))


def read_leaves(
    directory: Path,
    require: Callable[[Mapping[str, Stored]], None] | None = None,
) -> Leaves:
    """The arrays of a directory by name, checked before any is read.

    Raises:
        DamagedError: it is not what was written.
        CheckpointError: there is none, or it cannot be read for now.
    """
    with explained(directory, "read"):
        if directory.is_symlink() or not directory.is_dir():
            kind = "a link" if directory.is_symlink() else "no such folder"
            raise CheckpointError(f"{directory}: must be a saved tree; {kind}.")
        files, empty = _read_manifest(directory)
        require_nothing_else(directory, (*files, MANIFEST))
        require_listed(directory, files, crc32)
        num_bytes = sum(entry.size for entry in files.values())
        arrays = Arrays(directory, num_bytes) if files else None
        filled = arrays.stored if arrays else {}
        _require_distinct(directory, [*empty, *filled])
        if require is not None:
            require(empty | filled)
        leaves = {name: np.zeros(one.shape, one.dtype) for name, one in empty.items()}
        return leaves | (arrays.read() if arrays else {})


def _write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, sort_keys=True)
    checksum = crc32([text.encode()])
    path.write_text(json.dumps({"crc32": checksum, "content": text}))


def _read_manifest(directory: Path) -> tuple[dict[str, Entry], dict[str, Stored]]:
    """Every file, and every array without elements."""
    manifest = read_listed_json(directory, MANIFEST, MAX_BYTES)
    text = manifest.get("content")
    if not isinstance(text, str) or crc32([text.encode()]) != manifest.get("crc32"):
        must = f"{MANIFEST} has another checksum than when it was written"
        raise damaged(directory, must)
    try:
        content = parse_json(text)
        empty = content["empty"].items()
        files = parse_entries(content["files"], directory)
        return files, {name: _parse_empty(name, *one) for name, one in empty}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        must = f"{MANIFEST} must list files and arrays without elements"
        raise damaged(directory, f"{must}; got {brief(text)}") from error


def _parse_empty(name: str, dtype: Any, shape: Any) -> Stored:
    """An array of no elements, whose shape is all there is."""
    found = Stored("", parse_shape(shape), parse_dtype(dtype), is_compressed=False)
    if found.num_bytes:
        raise ValueError(f"{name} has elements")
    return found


def _require_distinct(directory: Path, names: Sequence[str]) -> None:
    """An error where a name stands for two arrays, or for one and a folder of them."""
    folders = {
        "/".join(parts[:end])
        for parts in (name.split("/") for name in names)
        for end in range(1, len(parts))
    }
    twice = [name for name, count in Counter(names).items() if count > 1]
    twice += sorted(folders & {*names})
    if twice:
        raise damaged(directory, f"{brief(twice[0])} stands for more than one array")


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
        raise CheckpointError(
            f"{directory}: cannot be {what}: {one_line(error)}"
        ) from error


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
    """Writes in this process alone: Orbax would wait for the others."""
    me = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(me, {me}, f"alone{me}")
    handler = ocp.PyTreeCheckpointHandler(
        use_compression=False, multiprocessing_options=alone
    )
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
