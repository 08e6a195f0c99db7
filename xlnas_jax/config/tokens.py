"""How text becomes token arrays."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least, fraction

# Of a text, a batch: above what any encoder takes, below what overflows a count.
MAX_TOKENS = 2**16


@dataclass(frozen=True)
class TokensConfig:
    """How text becomes token arrays.

    Attributes:
        max_length: tokens kept of each example, special tokens included; of a
            question, tokens of each window.
        doc_stride: of questions, tokens from the start of one window of the context
            to the start of the next.
        num_buckets, train_buckets: lengths that examples are padded to when scoring
            and when training; more means less padding
            and more compilation.
        max_unk_rate: above this share of `<unk>` tokens a language is warned of.
    """

    max_length: int = 128
    doc_stride: int = 128
    num_buckets: int = 4
    train_buckets: int = 2
    max_unk_rate: float = 0.2

    def __post_init__(self) -> None:
        # Two of them are special tokens.
        at_least(self, 3, "max_length", most=MAX_TOKENS)
        at_least(self, 1, "doc_stride", most=MAX_TOKENS)
        at_least(self, 1, "num_buckets", "train_buckets", most=256)
        fraction(self, "max_unk_rate")
