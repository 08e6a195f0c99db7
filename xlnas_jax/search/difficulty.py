"""How hard transfer to the targets is, before anything is trained; no label is read."""

from typing import NamedTuple

import numpy as np

from xlnas_jax.config.space import AdaptConfig
from xlnas_jax.data.sources import read_texts
from xlnas_jax.data.tokens.coverage import plain_ids
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.languages.distance.composite import measure
from xlnas_jax.languages.distance.texts import Morphology, fertility_gap, morphology
from xlnas_jax.types import ConfigError


class Difficulty(NamedTuple):
    """Each from 0 to 1; None where it does not count or is not known.

    Attributes:
        distance: mean over targets of the distance from the source.
        morphology: mean over auxiliary languages of how much more words are cut.
    """

    distance: float | None
    morphology: float | None


def difficulty_of(experiment: Experiment, config: AdaptConfig) -> Difficulty:
    """Of all tasks alike.

    Of targets nothing is read, text neither: what is recorded of them counts. Of
    auxiliary languages text is read.

    Raises:
        ConfigError: distance counts, and nothing is known of any target.
    """
    parts = experiment.parts
    distance = cut = None
    if config.distance:
        distance = float(np.mean([_distance(part) for part in parts]))
    if config.morphology:
        cut = float(np.mean([_cut(part) for part in parts]))
    return Difficulty(distance, cut)


def combined(known: Difficulty, similarity: float | None, config: AdaptConfig) -> float:
    """The difficulty from 0 to 1: the weighted mean of what is known.

    Args:
        similarity: smoothed alignment; None before it was measured.
    """
    parts = (
        (config.distance, known.distance),
        (config.alignment, None if similarity is None else 1.0 - similarity),
        (config.morphology, known.morphology),
    )
    counted = [(weight, value) for weight, value in parts if value is not None]
    total = sum(weight for weight, _ in counted)
    if not total:
        return 1.0
    found = sum(weight * value for weight, value in counted) / total
    return float(np.clip(found, 0.0, 1.0))


def _distance(part: TaskPart) -> float:
    """Mean over the targets of which something is known."""
    roles, weights = part.roles, part.config.languages.distance
    codes = (roles.source, *roles.target)
    row = measure(codes, weights, is_strict=False).combined()[0, 1:]
    known = row[np.isfinite(row)]
    if not len(known):
        raise ConfigError(
            f"space.adapt: something must be known of a target for distance to count; "
            f"of {', '.join(roles.target)} nothing is. Set space.adapt.distance: 0."
        )
    return float(known.mean())


def _cut(part: TaskPart) -> float:
    """Mean over auxiliary languages of the gap in fertility."""

    def of(code: str) -> Morphology | None:
        texts = read_texts(part.source, code, part.roles.split_of(code))
        return morphology(code, texts, plain_ids(part.tokenizer, texts))

    source = of(part.roles.source)
    gaps = [fertility_gap(source, of(code)) for code in part.roles.aux_heldout]
    return float(np.mean(gaps))
