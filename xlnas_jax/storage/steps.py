"""The last states of a run, saved in the background and restored."""

import contextlib
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import jax
import numpy as np

from xlnas_jax.storage.trees import (
    Leaves,
    explained,
    is_key,
    named,
    raw_leaf,
    read_leaves,
    snapshot,
    write_leaves,
)
from xlnas_jax.types import CheckpointError, DamagedError

State = TypeVar("State")

_STEP = re.compile(r"0|[1-9][0-9]{0,8}")
# What a save that was killed leaves; Orbax puts more behind it.
_LEFTOVER = re.compile(r"\.[0-9]+\.tmp.*")


class CheckpointWarning(UserWarning):
    """A damaged checkpoint was skipped; an older one is used."""


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
            _require_own(self._directory)
            with explained(self._directory, "created"):
                self._directory.mkdir(parents=True, exist_ok=True)
            for path in self._directory.iterdir():
                if _LEFTOVER.fullmatch(path.name) and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)

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
        return steps_in(self._directory)

    def save(self, step: int, state: Any) -> None:
        """Copy the state to the host and start to write it.

        The state may be donated or changed at once. An error of the save before
        is raised here.
        """
        self.wait()
        leaves = snapshot(state, self._is_writer)
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

        Raises:
            CheckpointError: none is sound; or one cannot be read, which may pass.
        """
        self.wait()
        damage: dict[int, DamagedError] = {}
        for step in reversed(self.steps):
            try:
                leaves = read_leaves(self._directory / str(step))
            except DamagedError as error:
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
        write_leaves(self._directory / str(step), leaves)
        for old in self.steps[: -self._keep]:
            shutil.rmtree(self._directory / str(old), ignore_errors=True)

    def _set_aside(self, damage: Mapping[int, DamagedError], used: int) -> None:
        """Free the names of damaged steps, so that they can be saved again."""
        for step, error in damage.items():
            aside = self._directory / f"damaged-{step}"
            shutil.rmtree(aside, ignore_errors=True)
            with explained(aside, "renamed"):
                os.replace(self._directory / str(step), aside)
            warnings.warn(
                CheckpointWarning(
                    f"{error} Continuing from step {used} instead; the damaged "
                    f"checkpoint was moved to {aside}."
                ),
                stacklevel=3,
            )


def read_part(directory: Path, step: int, prefix: str, template: State) -> State:
    """A part of one saved state, on the host; nothing in the directory changes.

    Args:
        prefix: what the names of the part's leaves begin with, such as `params/`.
        template: shapes and dtypes of the part, in its structure.

    Raises:
        CheckpointError: that step is not there, is damaged or cannot be read.
    """
    _require_own(directory)
    steps = steps_in(directory) if directory.is_dir() else []
    if step not in steps:
        raise CheckpointError(
            f"{directory}: must hold the state after round {step}, the last one; got "
            f"{steps or 'none'}. Without it nothing can be exported: restore it, or "
            f"search again in another run directory."
        )
    leaves = read_leaves(directory / str(step))
    part = {
        name.removeprefix(prefix): leaf
        for name, leaf in leaves.items()
        if name.startswith(prefix)
    }
    return _fill(template, part, directory / str(step))


def steps_in(directory: Path) -> list[int]:
    """Steps in a directory, oldest first, sound or not."""
    return sorted(
        int(path.name) for path in directory.iterdir() if _STEP.fullmatch(path.name)
    )


def _require_own(directory: Path) -> None:
    """An error where the directory is a link: what is deleted in it is another's."""
    if directory.is_symlink():
        raise CheckpointError(
            f"{directory}: must be a directory of the run itself; it is a link. Put "
            f"a copy in its place, or use another run directory."
        )


def _fill(template: State, leaves: Leaves, directory: Path) -> State:
    """The template with its leaves replaced; its structure and placement stay."""
    wanted = named(template)
    if wanted.keys() != leaves.keys():
        raise CheckpointError(
            f"{directory}: holds another state than this run's; it lacks "
            f"{sorted(wanted.keys() - leaves.keys())[:3]} and has in excess "
            f"{sorted(leaves.keys() - wanted.keys())[:3]}. Use another run directory."
        )
    for name, leaf in wanted.items():
        raw, saved = raw_leaf(leaf), leaves[name]
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
    if is_key(leaf):
        return jax.random.wrap_key_data(value, impl=jax.random.key_impl(leaf))
    return value
