"""Which pieces of the vocabulary have a row of the word table of their own.

Of every language those that make up a share of its tokens, the most frequent ones;
special pieces always. All others share some rows (`space.words`). What it saves are
parameters and bytes, no time.
"""

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Counts, Whole
from xlnas_jax.space.words import Map, WordRows
from xlnas_jax.types import Architecture, ConfigError

VOCABULARY = "vocabulary"
# Axis of embedded tokens along which choices stand, until one is picked.
_AXIS = -2


def make_knob(config: SpaceConfig, shape: EncoderShape) -> Knob | None:
    """The configured shares; none if none are asked for."""
    if not config.vocabulary:
        return None
    if shape.words is None:
        raise ConfigError(
            "space.vocabulary: model.vocabulary must say by whose texts pieces are "
            "counted, so the model must be pretrained; got none. Add the section, "
            "even if it is empty: vocabulary: {}."
        )
    return Knob(VOCABULARY, config.vocabulary, 1)


def none(shape: EncoderShape, values: np.ndarray) -> Counts:
    """What it adds to a head."""
    del shape
    return np.zeros(len(values), np.int64)


def no_work(shape: EncoderShape, length: int, values: np.ndarray) -> Counts:
    """A row is looked up, whichever it is."""
    del length
    return none(shape, values)


def word_rows(shape: EncoderShape, values: np.ndarray) -> Counts:
    """Rows of each share's table."""
    words = shape.words
    assert words is not None, "there is no knob without it"
    return words.sizes[[words.shares.index(float(value)) for value in values]]


def is_chosen(space: SearchSpace) -> bool:
    """Whether networks of a space differ in it."""
    return any(knob.name == VOCABULARY for knob in space.knobs)


def pick(
    space: SearchSpace, x: Float[Array, "..."], arch: Architecture | None
) -> Float[Array, "batch seq model"]:
    """Of embedded tokens those by the rows that a network has.

    Args:
        x: with an axis of choices before the last, or picked already.
        arch: the network; None for the full one.
    """
    if not is_chosen(space) or x.ndim == 3:
        return x
    if arch is None:
        return x[..., -1, :]
    return by_choice(x, arch[VOCABULARY][0])


def by_choice(
    x: Float[Array, "batch seq choice model"], choice: Int[Array, ""]
) -> Float[Array, "batch seq model"]:
    """Embedded tokens by the rows of one choice, which is data."""
    return jax.lax.dynamic_index_in_dim(x, choice, _AXIS, keepdims=False)


def rows_of(
    space: SearchSpace, shape: EncoderShape, row: np.ndarray
) -> tuple[Map, WordRows | None]:
    """Of the word table the rows that a flattened architecture keeps, and how."""
    if not is_chosen(space) or shape.words is None:
        return np.arange(shape.word_rows), shape.words
    return shape.words.of_choice(int(row[space.columns(VOCABULARY).start]))


WHOLE = Whole(VOCABULARY, make_knob, none, no_work, word_rows)
