"""Static sizes of an encoder at full width: what knobs, costs and weights share."""

import dataclasses
from dataclasses import dataclass

LEARNED, FROM_PADDING = "learned", "learned, from the padding"
AFTER, BEFORE = "after", "before"
POOLINGS = ("cls", "mean", "max", "attentive")


@dataclass(frozen=True)
class Spec:
    """How the layers of an encoder compute; what a family says of itself.

    Attributes:
        norm_place: `after` the residual sum, or `before` each part of a layer.
        norm: `layer` or `rms`.
        has_embedding_norm: embedded tokens pass one.
        has_final_norm: what the last layer gives passes one.
        positions: a `learned` table by place; `learned, from the padding`, in which
            padding has a row of its own and is not counted; `rotary`; `relative`.
        activation: of the feed-forward part.
        is_gated: its first map is multiplied by another.
        has_biases: affine maps have biases.
        has_grouped_heads: several heads share keys and values.
        has_local_layers: some layers attend within a window of their own.
        has_segments: two texts are told apart by a table.
        head: what follows the dense layer of a classifier of sentences.
    """

    norm_place: str = AFTER
    norm: str = "layer"
    has_embedding_norm: bool = True
    has_final_norm: bool = False
    positions: str = LEARNED
    activation: str = "gelu"
    is_gated: bool = False
    has_biases: bool = True
    has_grouped_heads: bool = False
    has_local_layers: bool = False
    has_segments: bool = True
    head: str = "tanh"


@dataclass(frozen=True)
class EncoderShape:
    """Sizes and constants of an encoder, and how it computes.

    Attributes:
        position_offset: row of the first position embedding; `pad_id + 1` where
            positions are counted from the padding.
        max_positions: rows of the position table, the offset included.
        num_segments: texts that tokens may be of; a table of them only where the spec
            has one.
        family: of the pretrained weights; `scratch` of none.
    """

    vocab_size: int
    width: int
    num_layers: int
    num_heads: int
    head_dim: int
    ffn: int
    max_positions: int
    num_segments: int
    position_offset: int
    pad_id: int
    norm_epsilon: float
    family: str = "bert"
    spec: Spec = Spec()

    def __post_init__(self) -> None:
        if (self.position_offset > 0) != (self.spec.positions == FROM_PADDING):
            raise ValueError(
                f"position_offset {self.position_offset} for positions that are "
                f"{self.spec.positions}"
            )

    @property
    def max_length(self) -> int:
        """Tokens of the longest input, special tokens included."""
        return self.max_positions - self.position_offset

    @property
    def table_rows(self) -> int:
        """Of all tables that tokens are looked up in."""
        segments = self.num_segments if self.spec.has_segments else 0
        return self.vocab_size + self.max_positions + segments

    @property
    def norm_size(self) -> int:
        """Numbers in a norm."""
        return 2 * self.width

    @property
    def outer_norms(self) -> int:
        """Norms that are in no layer."""
        return self.spec.has_embedding_norm + self.spec.has_final_norm

    @property
    def reads_segments(self) -> bool:
        """Whether it matters which text a token is of."""
        return self.spec.has_segments and self.num_segments > 1

    @property
    def attentive_dim(self) -> int:
        """Inner width of attentive pooling."""
        return min(self.width, 128)

    def as_dict(self) -> dict:
        """Plain values, for an artifact's `config.json`; the family has the spec."""
        values = dataclasses.asdict(self)
        del values["spec"]
        return values
