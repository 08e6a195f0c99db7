"""Parameter files and checkpoints: the only place that knows Orbax.

Everything is written to a temporary sibling and renamed when it is complete, with
the size and checksum of every file beside it. So a killed save leaves nothing that
looks like a checkpoint, and a damaged one is known before it is read.
"""

import contextlib
import errno
import json
import logging
import os
import shutil
import sys
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import NamedSharding, PartitionSpec

from xlnas_jax.types import CheckpointError

State = TypeVar("State")
Leaves = dict[str, np.ndarray]

MANIFEST = "manifest.json"
_READ_SIZE = 1 << 22
# After one write failed: time for the others to fail too, while they are silenced.
_STRAGGLER_SECONDS = 1.0


class CheckpointWarning(UserWarning):
    """A damaged checkpoint was skipped; an older one is used."""


def save_tree(directory: str | os.PathLike[str], tree: Any) -> None:
    """Write a pytree of arrays as a new directory, all of it or nothing.

    Dataclass fields, dictionary keys and positions become the names by which
    `load_tree` returns the arrays.
    """
    _write(Path(directory).absolute(), _snapshot(tree))


def load_tree(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Nested dictionaries of the arrays that `save_tree` wrote, bit for bit."""
    return _nest(_read(Path(directory).absolute()))


class Checkpoints:
    """The last states of a run, saved in the background.

    Leaving the context waits for the save in progress. One process at a time may
    use a directory; where several share the state, those that are no writers take
    part in every `save`, since parts of the state may be on their devices alone.

    Example:
        with Checkpoints(directory, keep=2) as checkpoints:
            step, state = checkpoints.restore(state) or (0, state)
            checkpoints.save(step + 1, state)
    """

    def __init__(
        self, directory: str | os.PathLike[str], keep: int, is_writer: bool = True
    ) -> None:
        self._directory = Path(directory).absolute()
        self._keep = keep
        self._is_writer = is_writer
        self._saver = ThreadPoolExecutor(1, "checkpoint")
        self._pending: Future[None] | None = None
        if is_writer:
            with _explained(self._directory, "created"):
                self._directory.mkdir(parents=True, exist_ok=True)
            for leftover in self._directory.glob(".*.tmp*"):
                shutil.rmtree(leftover, ignore_errors=True)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What went wrong in the run is not hidden by what went wrong in the save.
        with contextlib.suppress(*() if error is None else (CheckpointError,)):
            self.wait()
        self._saver.shutdown()

    @property
    def steps(self) -> list[int]:
        """Steps on the disk, oldest first, sound or not."""
        return sorted(
            int(path.name) for path in self._directory.iterdir() if path.name.isdigit()
        )

    def save(self, step: int, state: Any) -> None:
        """Copy the state to the host and start to write it.

        The state may be donated or changed at once. An error of the save before
        is raised here.
        """
        self.wait()
        leaves = _snapshot(state, self._is_writer)
        if self._is_writer:
            self._pending = self._saver.submit(self._write_and_prune, step, leaves)

    def wait(self) -> None:
        """Return when the last save is on the disk, or raise its error."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def restore(self, template: State) -> tuple[int, State] | None:
        """The newest sound step and its state; None if nothing was ever saved.

        Args:
            template: a state of the same structure; its leaves say which shape,
                dtype and devices the restored ones have.
        """
        self.wait()
        damage: dict[int, CheckpointError] = {}
        for step in reversed(self.steps):
            try:
                leaves = _read(self._directory / str(step))
            except CheckpointError as error:
                damage[step] = error
                continue
            state = _fill(template, leaves, self._directory / str(step))
            self._set_aside(damage, step)
            return step, state
        if damage:
            reasons = " ".join(str(error) for error in damage.values())
            raise CheckpointError(
                f"{self._directory}: at least one checkpoint must be sound; got "
                f"{len(damage)} damaged. {reasons} Delete the folder to start over."
            )
        return None

    def _write_and_prune(self, step: int, leaves: Leaves) -> None:
        _write(self._directory / str(step), leaves)
        for old in self.steps[: -self._keep]:
            shutil.rmtree(self._directory / str(old), ignore_errors=True)

    def _set_aside(self, damage: Mapping[int, CheckpointError], used: int) -> None:
        """Free the names of damaged steps, so that they can be saved again."""
        for step, error in damage.items():
            aside = self._directory / f"damaged-{step}"
            shutil.rmtree(aside, ignore_errors=True)
            with _explained(aside, "renamed"):
                os.replace(self._directory / str(step), aside)
            warnings.warn(
                CheckpointWarning(
                    f"{error} Continuing from step {used} instead; the damaged "
                    f"checkpoint was moved to {aside}."
                ),
                stacklevel=3,
            )


def _snapshot(tree: Any, is_kept: bool = True) -> Leaves:
    """Host copies of the leaves by name: later donation cannot reach them."""
    leaves = {}
    for name, leaf in _named(tree).items():
        raw = _raw(leaf)
        if isinstance(raw, jax.Array) and not raw.is_fully_addressable:
            assert isinstance(raw.sharding, NamedSharding)
            # One at a time, so that no device ever holds the whole state.
            whole = NamedSharding(raw.sharding.mesh, PartitionSpec())
            raw = jax.device_put(raw, whole)
        if is_kept:
            leaves[name] = np.array(raw)
    return leaves


def _named(tree: Any) -> dict[str, Any]:
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in paths
    }


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )


def _raw(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _nest(leaves: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *parents, last = name.split("/")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = leaf
    return nested


def _write(directory: Path, leaves: Leaves) -> None:
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
        with _explained(directory, "written"), _quiet_orbax():
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


def _read(directory: Path) -> Leaves:
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
        with _explained(directory, "read"), _quiet_orbax():
            with _orbax() as checkpointer:
                leaves |= _named(checkpointer.restore(directory))
    return leaves


def _fill(template: State, leaves: Leaves, directory: Path) -> State:
    """The template with its leaves replaced; its structure and placement stay."""
    wanted = _named(template)
    if wanted.keys() != leaves.keys():
        raise CheckpointError(
            f"{directory}: holds another state than this run's; it lacks "
            f"{sorted(wanted.keys() - leaves.keys())[:3]} and has in excess "
            f"{sorted(leaves.keys() - wanted.keys())[:3]}. Use another run directory."
        )
    for name, leaf in wanted.items():
        raw, saved = _raw(leaf), leaves[name]
        if (raw.shape, raw.dtype) != (saved.shape, saved.dtype):
            raise CheckpointError(
                f"{directory}: {name} must be {raw.dtype}{list(raw.shape)} as in "
                f"this run; got {saved.dtype}{list(saved.shape)}. "
                "Use another run directory."
            )
    placed = [_place(leaf, leaves[name]) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(template), placed)


def _place(leaf: Any, saved: np.ndarray) -> Any:
    """The saved array where the template's is, on the host or on its devices."""
    if not isinstance(leaf, jax.Array):
        return saved
    value = jax.device_put(saved, leaf.sharding if leaf.committed else None)
    if _is_key(leaf):
        return jax.random.wrap_key_data(value, impl=jax.random.key_impl(leaf))
    return value


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
def _explained(directory: Path, what: str) -> Iterator[None]:
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
