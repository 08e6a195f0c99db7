"""Finalists that were trained, kept with the run: a killed one loses one at most."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.files import write_text
from xlnas_jax.storage.trees import load_tree, named, save_tree
from xlnas_jax.types import CheckpointError, DamagedError

_SETTINGS = "settings.json"
# Options by which a finalist becomes what it is; others choose among them.
DECIDING = (
    *("steps", "steps_exponent", "learning_rate", "rate_exponent", "batch_size"),
    *("patience", "score_every", "min_delta"),
)


class Trained(NamedTuple):
    """What was made of one finalist.

    Attributes:
        cut: its own weights, see `weights`.
        objectives: after training, in the order of the experiment's objectives.
        metrics: of each task, by name, `lang`, as of `Scored`.
        statistics: of each task and auxiliary language, of every example in order, the
            task's statistics, `example stat`.
    """

    cut: Any
    objectives: Float[np.ndarray, " obj"]
    metrics: tuple[dict[str, Float[np.ndarray, " _"]], ...]
    statistics: tuple[dict[str, Float[np.ndarray, "example stat"]], ...]


def keep_of(folder: Path, config: FinalistsConfig) -> None:
    """Makes the folder, and removes what was trained there by other settings.

    They may change where a killed search goes on: what was trained before is then of
    another experiment.
    """
    settings = {name: getattr(config, name) for name in DECIDING}
    text = json.dumps(settings, sort_keys=True) + "\n"
    file = folder / _SETTINGS
    if folder.exists() and (not file.is_file() or file.read_text("utf-8") != text):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    write_text(file, text)


def save_finalist(folder: Path, trained: Trained) -> None:
    """All of it, or nothing."""
    folder.parent.mkdir(exist_ok=True)
    save_tree(folder, trained._asdict())


def save_weights(folder: Path, cut: Any) -> None:
    """A network's own weights alone: all of them, or nothing."""
    save_tree(folder, {"cut": cut})


def load_weights(folder: Path, like: Any) -> Any:
    """Those that were saved; as `load_finalist`."""
    found = _read(folder)
    return None if found is None else _fitting(folder, found["cut"], like)


def load_finalist(folder: Path, like: Any) -> Trained | None:
    """One that was saved; None where there is none, or it is damaged.

    Args:
        like: weights of the same network, in their structure.

    Raises:
        CheckpointError: it is of another network, or cannot be read.
    """
    found = _read(folder)
    if found is None:
        return None
    return Trained(
        _fitting(folder, found["cut"], like),
        found["objectives"],
        _in_order(found["metrics"]),
        _in_order(found["statistics"]),
    )


def _read(folder: Path) -> dict[str, Any] | None:
    """What was saved there; what is damaged is removed."""
    if not folder.exists():
        return None
    try:
        return load_tree(folder)
    except DamagedError:
        shutil.rmtree(folder)
        return None


def _fitting(folder: Path, cut: Any, like: Any) -> Any:
    """Weights in the structure of others, whose shapes they must have."""
    leaves, wanted = named(cut), named(like)
    fits = leaves.keys() == wanted.keys() and all(
        leaves[name].shape == leaf.shape for name, leaf in wanted.items()
    )
    if not fits:
        raise CheckpointError(
            f"{folder}: must hold the weights of the finalist it is named after; got "
            f"others. Remove the folder, and the finalist is trained again."
        )
    return jax.tree.unflatten(
        jax.tree.structure(like), [leaves[name] for name in wanted]
    )


def _in_order(nested: dict[str, Any]) -> tuple[Any, ...]:
    """Values by position, in that order."""
    return tuple(nested[str(number)] for number in range(len(nested)))
