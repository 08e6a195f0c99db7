"""The vocabulary of every room: errors, and the pytrees that flow between them."""

from collections.abc import Mapping

import jax
from flax import struct
from jaxtyping import Array, Bool, Float, Int


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
class Batch:
    """Token arrays of one length bucket, padded on the right.

    Attributes:
        tokens: vocabulary ids; what stands beyond `length` is never looked at.
        segments: token type ids; all zero for single sentences.
        length: number of real tokens of each example.
        label: what the task predicts: a class id, or ids along further axes.
        language: index of each example's language in the data's language list.
        weight: 1 for a real example, 0 for a row that only fills the batch.
    """

    tokens: Int[Array, "*steps batch seq"]
    segments: Int[Array, "*steps batch seq"]
    length: Int[Array, "*steps batch"]
    label: Int[Array, "..."]
    language: Int[Array, "*steps batch"]
    weight: Float[Array, "*steps batch"]

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
        statistics: for each candidate and language, sums over examples of the
            task's statistics (see `tasks.Task.statistics`).
    """

    statistics: Float[Array, "pop lang stat"]
