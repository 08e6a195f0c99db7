"""How text becomes token arrays."""

from dataclasses import dataclass

from xlnas_jax.config.ranges import at_least, fraction
from xlnas_jax.types import ConfigError, brief

# Of a text, a batch: above what any encoder takes, below what overflows a count.
MAX_TOKENS = 2**16
# Of a prefix: characters.
MAX_PREFIX = 200
A_PREFIX = f"empty, or a printable line of at most {MAX_PREFIX} characters, not blank"


def is_prefix(text: str) -> bool:
    """Whether a text may stand before others."""
    is_line = text.isprintable() and len(text) <= MAX_PREFIX
    return is_line and (not text or not text.isspace())


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
        prefix: what the encoder was trained to see before a text, such as `query: `
            of E5. It stands before every text, before the first one of a pair and
            before a question, never before a context; of tagging its words stand
            before a sentence's. It is kept in the exported model, which adds it.
    """

    max_length: int = 128
    doc_stride: int = 128
    num_buckets: int = 4
    train_buckets: int = 2
    max_unk_rate: float = 0.2
    prefix: str = ""

    def __post_init__(self) -> None:
        # Two of them are special tokens.
        at_least(self, 3, "max_length", most=MAX_TOKENS)
        at_least(self, 1, "doc_stride", most=MAX_TOKENS)
        at_least(self, 1, "num_buckets", "train_buckets", most=256)
        fraction(self, "max_unk_rate")
        if not is_prefix(self.prefix):
            raise ConfigError(
                f"prefix: must be {A_PREFIX}; got {brief(self.prefix)}. Use for "
                f'example "query: ", in quotes.'
            )
