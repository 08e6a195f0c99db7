"""Static sizes of an encoder at full width: what knobs, costs and weights share."""

import dataclasses
from dataclasses import dataclass

from xlnas_jax.space.words import WordRows

LEARNED, FROM_PADDING = "learned", "learned, from the padding"
ROTARY, RELATIVE = "rotary", "relative"
AFTER, BEFORE = "after", "before"
# What layers are told apart by, where they are not all alike.
_MARKS = 2
# Sizes that only some families have.
SOME = (
    *("num_groups", "theta", "local_theta", "local_window", "local_layers"),
    *("relative_buckets", "relative_reach"),
)
POOLINGS = ("cls", "mean", "max", "attentive")


# Affine maps of every family's layers.
_MAPS = ("query", "key", "value", "output", "down")


@dataclass(frozen=True)
class Spec:
    """How the layers of an encoder compute; what a family says of itself.

    Attributes:
        norm_place: `after` the residual sum, or `before` each part of a layer.
        norm: `layer` or `rms`.
        has_norm_biases: norms shift, beside scaling.
        has_embedding_norm: embedded tokens pass one.
        has_final_norm: what the last layer gives passes one.
        positions: a `learned` table by place; `learned, from the padding`, in which
            padding has a row of its own and is not counted; `rotary`; `relative`, by
            a table of distances.
        activation: of the feed-forward part, `gelu` or `silu`.
        is_gated: its first map is multiplied by another.
        has_biases: affine maps have biases.
        has_inner_biases: those to the inner neurons have, too.
        has_grouped_heads: several heads share keys and values.
        has_local_layers: some layers attend within a window of their own.
        is_first_bare: the first layer has no norm before its attention.
        has_segments: two texts are told apart by a table.
        head: what follows the dense layer of a classifier of sentences.
    """

    norm_place: str = AFTER
    norm: str = "layer"
    has_norm_biases: bool = True
    has_embedding_norm: bool = True
    has_final_norm: bool = False
    positions: str = LEARNED
    activation: str = "gelu"
    is_gated: bool = False
    has_biases: bool = True
    has_inner_biases: bool = True
    has_grouped_heads: bool = False
    has_local_layers: bool = False
    is_first_bare: bool = False
    has_segments: bool = True
    head: str = "tanh"

    def has(self, path: str) -> bool:
        """Whether layers have a weight that some families have, by its path."""
        field, _, leaf = path.rpartition(".")
        if leaf == "bias" and field.endswith("_norm"):
            return self.has_norm_biases
        is_inner = field in ("up", "gate")
        if leaf == "bias" and (is_inner or field in _MAPS):
            has_bias = self.has_inner_biases or not is_inner
            return self.has_biases and has_bias and self.has(f"{field}.kernel")
        if field == "gate":
            return self.is_gated
        return path != "marks" or self.has_local_layers or self.is_first_bare

    def embeds(self, path: str) -> bool:
        """Whether there is a table, or a norm behind them, by its path."""
        if path.startswith("norm."):
            is_whole = self.has_norm_biases or path != "norm.bias"
            return self.has_embedding_norm and is_whole
        is_relative = self.positions == RELATIVE
        if path.startswith("relative_norm."):
            return is_relative and (self.has_norm_biases or not path.endswith("bias"))
        some = {
            "position": self.has_places,
            "segment": self.has_segments,
            "relative": is_relative,
        }
        return some.get(path, True)

    @property
    def has_places(self) -> bool:
        """Tokens have a vector of the place that they stand in."""
        return self.positions in (LEARNED, FROM_PADDING)


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
        num_groups: of heads that share keys and values.
        theta, local_theta: base of the angles of rotary positions; of local layers.
        local_window: tokens that a local layer sees on each side.
        local_layers: their numbers, from 0.
        relative_buckets: rows of distances of each direction, half of them of one
            distance each.
        relative_reach: distance from which on all have the last row.
        words: which rows of the word table pieces have; None where each has its own.
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
    num_groups: int = 0
    theta: float = 0.0
    local_theta: float = 0.0
    local_window: int = 0
    local_layers: tuple[int, ...] = ()
    relative_buckets: int = 0
    relative_reach: int = 0
    words: WordRows | None = None

    def __post_init__(self) -> None:
        if (self.position_offset > 0) != (self.spec.positions == FROM_PADDING):
            raise ValueError(
                f"position_offset {self.position_offset} for positions that are "
                f"{self.spec.positions}"
            )
        if self.spec.has_grouped_heads and (
            self.num_groups < 1 or self.num_heads % self.num_groups
        ):
            raise ValueError(f"{self.num_groups} groups of {self.num_heads} heads")
        is_rotary = self.spec.positions == ROTARY
        if is_rotary and (self.head_dim % 2 or not self.theta > 1):
            raise ValueError(
                f"pairs of the {self.head_dim} numbers of a head, which turn by angles "
                f"of base {self.theta:g}"
            )
        half = self.relative_buckets // 2
        is_relative = self.spec.positions == RELATIVE
        if is_relative and not 1 <= half < self.relative_reach - 1:
            raise ValueError(
                f"relative_buckets {self.relative_buckets} of distances up to "
                f"{self.relative_reach}"
            )
        if any(not 0 <= number < self.num_layers for number in self.local_layers):
            raise ValueError(
                f"local_layers {self.local_layers} of {self.num_layers} layers"
            )

    @property
    def max_length(self) -> int:
        """Tokens of the longest input, special tokens included."""
        return self.max_positions - self.position_offset

    @property
    def table_rows(self) -> int:
        """Of all tables that tokens are looked up in."""
        segments = self.num_segments if self.spec.has_segments else 0
        return self.word_rows + self.position_rows + segments + self.relative_rows

    @property
    def word_rows(self) -> int:
        """Of the word table."""
        return self.vocab_size if self.words is None else self.words.table

    @property
    def position_rows(self) -> int:
        """Of the position table, if there is one."""
        return self.max_positions if self.spec.has_places else 0

    @property
    def relative_rows(self) -> int:
        """Of the table of distances in both directions, if there is one."""
        return 2 * self.relative_buckets if self.spec.positions == RELATIVE else 0

    @property
    def num_marks(self) -> int:
        """Numbers beside the weights of a layer that say of what kind it is."""
        return _MARKS if self.spec.has("marks") else 0

    @property
    def group_size(self) -> int:
        """Heads that share keys and values."""
        return self.num_heads // self.num_groups if self.num_groups else 1

    @property
    def norm_size(self) -> int:
        """Numbers in a norm."""
        return (1 + self.spec.has_norm_biases) * self.width

    @property
    def outer_norms(self) -> int:
        """Norms that are in no layer."""
        own = self.spec.has_embedding_norm + self.spec.has_final_norm
        return own + (self.spec.positions == RELATIVE)

    @property
    def reads_segments(self) -> bool:
        """Whether it matters which text a token is of."""
        return self.spec.has_segments and self.num_segments > 1

    @property
    def attentive_dim(self) -> int:
        """Inner width of attentive pooling."""
        return min(self.width, 128)

    def as_dict(self) -> dict:
        """Plain values, for an artifact's `config.json`; the family has the spec.

        Rows of words are arrays, which are kept beside it.
        """
        fields = dataclasses.fields(self)
        values = {field.name: getattr(self, field.name) for field in fields}
        del values["spec"], values["words"]
        for field in fields:
            # Of few families; without them there is nothing to say.
            if field.name in SOME and values[field.name] == field.default:
                del values[field.name]
        return values
