"""Static sizes of an encoder at full width: what knobs, costs and weights share."""

import dataclasses
from dataclasses import dataclass

POOLINGS = ("cls", "mean", "max", "attentive")


@dataclass(frozen=True)
class EncoderShape:
    """Sizes and constants of a post-LayerNorm encoder (BERT, RoBERTa, XLM-R).

    Attributes:
        position_offset: row of the first position embedding; 0 for BERT,
            `pad_id + 1` for RoBERTa and XLM-R.
        max_positions: rows of the position table, the offset included.
        norm_epsilon: 1e-12 for BERT, 1e-5 for XLM-R.
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

    @property
    def max_length(self) -> int:
        """Tokens of the longest input, special tokens included."""
        return self.max_positions - self.position_offset

    @property
    def attentive_dim(self) -> int:
        """Inner width of attentive pooling."""
        return min(self.width, 128)

    def as_dict(self) -> dict:
        """Plain values, for an artifact's `config.json`."""
        return dataclasses.asdict(self)
