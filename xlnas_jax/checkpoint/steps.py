"""The last states of a run, saved in the background and restored."""

import contextlib
import os
import shutil
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import jax
import numpy as np

from xlnas_jax.checkpoint.trees import (
    Leaves,
    explained,
    is_key,
    named,
    raw_leaf,
    read_leaves,
    snapshot,
    write_leaves,
)
from xlnas_jax.types import CheckpointError

State = TypeVar("State")


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
            with explained(self._directory, "created"):
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
        """
        self.wait()
        damage: dict[int, CheckpointError] = {}
        for step in reversed(self.steps):
            try:
                leaves = read_leaves(self._directory / str(step))
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
        write_leaves(self._directory / str(step), leaves)
        for old in self.steps[: -self._keep]:
            shutil.rmtree(self._directory / str(old), ignore_errors=True)

    def _set_aside(self, damage: Mapping[int, CheckpointError], used: int) -> None:
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
