"""The vocabulary of every room: errors, and the pytrees that flow between them."""

import reprlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 120
_SHORT.maxlevel = 3
_MAX_NAME = 80


def brief(value: Any) -> str:
    """A value as Python writes it, cut short: for messages, whatever it holds."""
    return _SHORT.repr(value)


def spelled(name: Any) -> str:
    """A name as it is, if it is one that can be read; else as `brief` shows it."""
    is_plain = isinstance(name, str) and name.isprintable() and len(name) <= _MAX_NAME
    return name if is_plain else brief(name)


class XlnasError(ValueError):
    """What a user can mend: printed as one paragraph, exit code 2."""


class ConfigError(XlnasError):
    """A configuration value that cannot be honoured."""


class DataError(XlnasError):
    """A data file or split that does not hold what was declared."""


class ArchitectureError(XlnasError):
    """An architecture outside its search space, or a space nothing can satisfy."""


class CheckpointError(XlnasError):
    """A run directory or artifact that cannot be read or continued."""


class DamagedError(CheckpointError):
    """What was written there is not there any more: incomplete, changed, malformed.

    That something cannot be read for now (rights, a disk that fails) is none.
    """


class DivergedError(XlnasError):
    """Training came to numbers that are none."""


class LeakError(XlnasError):
    """A target-language split was asked for before the final report."""


@struct.dataclass
class Architecture:
    """One point of the search space, or a population of them: data, not code.

    Attributes:
        choices: for each knob, the index of its choice at each site (a layer,
            or the single site of a global knob). A population adds a leading
            axis to every leaf.
    """

    choices: Mapping[str, Int[Array, "*pop site"]]

    def __getitem__(self, knob: str) -> Int[Array, "*pop site"]:
        return self.choices[knob]


@struct.dataclass
class Said:
    """What a teacher makes of the rows of a batch.

    Attributes:
        logits: in the form that the task reads.
        vector: of each sentence, the mean over its tokens of what the last layer
            gives; absent where nothing is compared with it.
        layers: the same of what every layer gives, likewise.
        kept: 1 for every layer that a network has, and 0 for others; absent where it
            has all.
    """

    logits: Float[Array, "..."]
    vector: Float[Array, "*steps batch model"] | None = None
    layers: Float[Array, "*steps batch layer model"] | None = None
    kept: Float[Array, " layer"] | None = None


@struct.dataclass
class Batch:
    """Token arrays of one length bucket, padded on the right.

    Attributes:
        tokens: vocabulary ids; what stands beyond `length` is never looked at.
        segments: token type ids; all zero for single sentences.
        length: number of real tokens of each example.
        label: what the task predicts: class ids, `tasks.tagging.TagLabels` or
            `tasks.qa.SpanLabels`.
        language: index of each example's language in the data's language list.
        weight: 1 for a real example, 0 for a row that only fills the batch.
        head: which language's own output layer adds to the shared one; -1: none.
            Absent where no language has one.
        labelled: 1 for rows whose labels are meant, 0 for text without labels.
            Absent where all rows have labels.
        said: what a teacher makes of each row; absent where there is none.
        other: the translation of each row, padded to the same length and with the
            row's own label; its weight is 0 where a row has none, and of those of
            rows of weight 0. Its `other` is what it is in the row's language again.
            Absent where no row has one.
    """

    tokens: Int[Array, "*steps batch seq"]
    segments: Int[Array, "*steps batch seq"]
    length: Int[Array, "*steps batch"]
    label: Any
    language: Int[Array, "*steps batch"]
    weight: Float[Array, "*steps batch"]
    head: Int[Array, "*steps batch"] | None = None
    labelled: Float[Array, "*steps batch"] | None = None
    said: Said | None = None
    other: Any = None

    @property
    def mask(self) -> Bool[Array, "*steps batch seq"]:
        """True where a real token stands."""
        shape = self.tokens.shape
        positions = jax.lax.broadcasted_iota(self.length.dtype, shape, len(shape) - 1)
        return positions < self.length[..., None]


@struct.dataclass
class Evaluation:
    """Raw scores of a population, in the order it was asked.

    Attributes:
        statistics: of each task, for each candidate and language, sums over examples
            of the task's statistics (see `tasks.Task.statistics`). Languages are the
            auxiliary ones, then the source where an objective needs it.
        is_complete: False where a race stopped early, and the sums are of some of
            the examples; known on the host.
        alignment: of each task, for each candidate and auxiliary language, how alike
            translations are, from 0 to 1; empty where no objective needs it.
    """

    statistics: tuple[Float[Array, "pop _ _"], ...]
    is_complete: Bool[np.ndarray, " pop"]
    alignment: tuple[Float[Array, "pop _"], ...] = ()
