"""From exported models of one architecture to one that is their mean."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xlnas_jax import files
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.artifact.contents import CARD
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.artifact.manifest import read_manifest
from xlnas_jax.export.artifact.trim import ARCHITECTURE
from xlnas_jax.export.average import Averaged, average, greedy_average
from xlnas_jax.export.evaluation import score_model
from xlnas_jax.export.labelled import Parts, read_auxiliary
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.tasks.registry import make_task
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import CheckpointError, ConfigError

PROTOCOL = "## Who was seen when"


def average_artifacts(
    models: Sequence[Path],
    out: Path,
    data: Path | None = None,
    task: str = "",
    skip_bad_rows: bool = False,
    report: Report = unheard,
) -> tuple[Path, Averaged]:
    """Writes the mean of exported models: of all, or of those that help.

    Args:
        data: a configuration; the mean is greedy then, by the dev splits of its
            auxiliary languages. Targets cannot be given for that.
        task: of a configuration with several.
        report: is told how many models and means are scored.

    Returns:
        The path of the new model, and what is in it.

    Raises:
        CheckpointError: one is no whole model, or the new one cannot be written.
        ConfigError: they are not of one architecture, or had other languages.
    """
    subnets = [load(model) for model in models]
    roles = [dict(read_manifest(model.expanduser()).languages) for model in models]
    for number, own in enumerate(roles[1:], start=2):
        if own != roles[0]:
            raise ConfigError(
                f"models: all must have had the same languages in the same roles, "
                f"since the card of the mean has one list; of model {number} they are "
                f"{own}, of the first {roles[0]}. Leave it out."
            )
    if data is None:
        found, by = average(subnets), ""
    else:
        parts = read_auxiliary(data, subnets[0], task, skip_bad_rows)
        # Each alone, and all but the best one in a mean.
        total, done = 2 * len(subnets) - 1, 0

        def score(one: Subnet) -> float:
            nonlocal done
            report("scoring models", done, total)
            found = _score(one, parts)
            done += 1
            report("scoring models", done, total)
            return found

        found = greedy_average(subnets, score)
        by = f", by dev splits of {', '.join(parts)}"
    base = models[found.members[0]].expanduser()
    architecture = files.read_json(
        base / ARCHITECTURE, CheckpointError, "Restore the file.", follow=False
    )
    cards = [_read_card(models[n]) for n in found.members]
    card = Written(_card(cards, found, len(models), by), roles[0])
    path = save_artifact(out, found.subnet, architecture=architecture, card=card)
    return path, found


def _score(subnet: Subnet, parts: Parts) -> float:
    """Mean over languages of the official metric."""
    primary = make_task(subnet.task, subnet.labels, subnet.shape.width).primary
    scores = score_model(subnet, parts).values()
    return float(np.mean([one.metrics[primary] for one in scores]))


def _read_card(model: Path) -> str:
    file = model.expanduser() / CARD
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _card(cards: Sequence[str], found: Averaged, count: int, by: str) -> str:
    """What the first one's card says, what was done, and whom the others saw."""
    most = f" of {count}" if len(found.members) < count else ""
    text = (
        f"{cards[0].rstrip()}\n\n## Average\n\n"
        f"Weights are the mean of {len(found.members)}{most} models of this "
        f"architecture{by}. Scores above, and what is said of training, are of the "
        f"first of them; the mean has others.\n"
    )
    first = _protocol(cards[0])
    others = [_protocol(card) for card in cards[1:]]
    for number, other in enumerate(others, start=2):
        if other and other != first:
            text += f"\nOf model {number} the card said:\n\n{other}\n"
    return text


def _protocol(card: str) -> str:
    """Who was seen when, as a card says it."""
    _, found, rest = card.partition(PROTOCOL)
    return rest.partition("\n## ")[0].strip() if found else ""
