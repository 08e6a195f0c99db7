"""What an encoder was trained to see before every text."""

import dataclasses

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.types import ConfigError, brief


def with_prefix(tokenizer: Tokenizer, prefix: str) -> Tokenizer:
    """The same tokenizer, with another text before every text.

    Raises:
        ConfigError: hardly anything of a text would be left.
    """
    backend = tokenizer.backend
    backend.no_truncation()
    with speaking("the tokenizer", f"encode {brief(prefix)}"):
        num = len(backend.encode(prefix, add_special_tokens=False).ids)
    if 2 * num > tokenizer.max_length:
        raise ConfigError(
            f"tokens.prefix: must take at most half of tokens.max_length "
            f"{tokenizer.max_length}; got {num} tokens of {brief(prefix)}. Raise "
            f"tokens.max_length, or use a shorter prefix."
        )
    return dataclasses.replace(tokenizer, prefix=prefix)
