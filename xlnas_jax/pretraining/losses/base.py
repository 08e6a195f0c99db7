"""The contract of a loss on texts: what of a batch is seen, and what is to be told.

A loss knows nothing of sub-networks, optimizers or devices. Around it, `step` embeds
what it shows, runs the largest network and some others, and asks it how far each is
from what is to be told, or from the largest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, no_type_check

from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.pretraining.rows import Form
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.mlm import MlmHead
from xlnas_jax.supernet.params import EncoderParams
from xlnas_jax.types import Batch


@struct.dataclass
@no_type_check
class PretrainParams:
    """All that is pretrained: the elastic encoder and the head that tells tokens."""

    encoder: EncoderParams
    head: MlmHead


class View(NamedTuple):
    """What a loss shows of a batch.

    Attributes:
        texts: what the network reads, one after another.
        places: of the tokens of each, where they are not one after another.
        told: what is to be told of them.
    """

    texts: tuple[Batch, ...]
    places: tuple[Int[Array, "batch seq"] | None, ...]
    told: Any


class Loss(NamedTuple):
    """One loss on texts without labels.

    Attributes:
        name: in the configuration.
        paper: where it comes from.
        form: of the rows that it reads.
        view: `(key, batch) -> View`.
        say: `(params, hiddens, view)`, of what the last layer gave of each text, to
            what a network says.
        lost: `(said, view)` to the loss of the largest network.
        apart: `(said, theirs, view)` to what another loses that is to say the same.
    """

    name: str
    paper: str
    form: Form
    view: Callable[[Key[Array, ""], Batch], View]
    say: Callable[[PretrainParams, tuple[Hidden, ...], View], Any]
    lost: Callable[[Any, View], Float[Array, ""]]
    apart: Callable[[Any, Any, View], Float[Array, ""]]
