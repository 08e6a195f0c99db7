"""The shared weights: one pytree, encoder layers stacked along the first axis.

Layers are stacked so that one compiled block serves all of them under
`lax.scan`; they must therefore have the same full shape. Elastic sizes (heads,
neurons) are prefixes, sorted by importance.

Leaves are arrays, but the same trees also hold masks, labels, abstract shapes or
`nnx.Param`; so no class here checks its fields when JAX rebuilds it.
"""

from typing import Any, no_type_check

import jax
import numpy as np
from flax import struct
from jaxtyping import Array, Float


def on_device(leaf: Float[np.ndarray, "..."]) -> Float[Array, "..."]:
    """A copy, by no program: `jnp.array` compiles one for every shape.

    A copy, since buffers that NumPy owns could not be donated later.
    """
    return jax.device_put(leaf, may_alias=False)


@struct.dataclass
@no_type_check
class Dense:
    """An affine map; the axes of `kernel` are inputs first, outputs last.

    Without a bias that is None.
    """

    kernel: Float[Array, "..."]
    bias: Float[Array, "..."] | None = None


@struct.dataclass
@no_type_check
class Norm:
    """Scale and shift of a norm; without a shift that is None."""

    scale: Float[Array, "..."]
    bias: Float[Array, "..."] | None = None


@struct.dataclass
@no_type_check
class LayerParams:
    """One encoder layer, or all of them with a leading `layer` axis.

    Attributes:
        query, key, value: kernels `model head head_dim`, biases `head head_dim`.
        output: kernel `head head_dim model`, bias `model`. Of grouped heads queries
            and output have `group mate` in place of `head`, keys and values `group`.
        attention_norm, ffn_norm: where `pieces.norms` says.
        up: kernel `model ffn`, bias `ffn`. down: kernel `ffn model`, bias `model`.
        gate: as `up`, of gated layers: what activated neurons are multiplied by.
        marks: see `pieces.positions`; not trained.
        relative: see `pieces.relative`: the same in all layers, which have it only
            while they are run.
        more: weights of stages that pretrained encoders do not have, by field.

    What belongs to a stage that a layer lacks is None.
    """

    query: Dense
    key: Dense
    value: Dense
    output: Dense
    attention_norm: Norm
    up: Dense
    down: Dense
    ffn_norm: Norm
    gate: Dense | None = None
    marks: Float[Array, "..."] | None = None
    relative: Float[Array, "..."] | None = None
    more: dict[str, Any] = struct.field(default_factory=dict)


@struct.dataclass
@no_type_check
class EmbeddingParams:
    """Lookup tables `vocab model`, `position model`, `segment model` and their norm.

    And one of distances, `distance model`, with a norm of its own, which layers look up
    (`pieces.relative`). What a family does not have is None.
    """

    word: Float[Array, "vocab model"]
    position: Float[Array, "position model"] | None = None
    segment: Float[Array, "segment model"] | None = None
    norm: Norm | None = None
    relative: Float[Array, "distance model"] | None = None
    relative_norm: Norm | None = None


@struct.dataclass
@no_type_check
class EncoderParams:
    """Embeddings, the stacked layers, and what some families have behind the last."""

    embeddings: EmbeddingParams
    layers: LayerParams
    final_norm: Norm | None = None


@struct.dataclass
@no_type_check
class AttentivePool:
    """Attentive pooling `softmax(v' tanh(W h))`: W `model inner`, v `inner`."""

    kernel: Float[Array, "model inner"]
    vector: Float[Array, " inner"]


@struct.dataclass
@no_type_check
class HeadParams:
    """A task head: of sentences or of tokens, by whether it has `hidden`.

    Attributes:
        output: from model width to the task's outputs; None where these are the
            vectors of sentences themselves.
        hidden: dense layer with tanh before the output, for pooled sentences; None
            where the output layer is applied to every token.
        attentive: weights of attentive pooling; None where no architecture uses it.
        language: what each language with an output layer of its own adds to
            `output`: kernel `lang model label`, bias `lang label`; None where no
            language has one.
        norm: after the activation, in some families.
        activation: what follows `hidden`.
    """

    output: Dense | None = None
    hidden: Dense | None = None
    attentive: AttentivePool | None = None
    language: Dense | None = None
    norm: Norm | None = None
    activation: str = struct.field(pytree_node=False, default="tanh")


@struct.dataclass
@no_type_check
class SupernetParams:
    """The elastic encoder and the head of one task."""

    encoder: EncoderParams
    head: HeadParams


@struct.dataclass
@no_type_check
class SharedParams:
    """All that is trained: the elastic encoder and the head of every task, by name."""

    encoder: EncoderParams
    heads: dict[str, HeadParams]

    def of_task(self, name: str) -> SupernetParams:
        """The weights that one task uses."""
        return SupernetParams(encoder=self.encoder, head=self.heads[name])
