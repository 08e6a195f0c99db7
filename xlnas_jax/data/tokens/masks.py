"""Which ids of a vocabulary may be masked, and what stands in their place."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from xlnas_jax.data.tokens.published import masking_id
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.trim import content_of, specials
from xlnas_jax.types import DataError

MASK = "<mask>"


class Masks(NamedTuple):
    """What masking needs to know of a vocabulary.

    Attributes:
        mask_id: what stands in the place of a token.
        is_special: of every id, whether it means something of its own; the unknown
            piece is among them, and so are rows that no piece has.
    """

    mask_id: int
    is_special: Bool[np.ndarray, " vocab"]


def masks_of(tokenizer: Tokenizer, vocab_size: int, folder: str | Path = "") -> Masks:
    """Those of a tokenizer.

    Args:
        vocab_size: rows of the word table.
        folder: of the model, whose settings name the mask.

    Raises:
        DataError: the tokenizer has no token for it.
    """
    found = masking_id(folder, tokenizer.backend)
    if found is None:
        raise DataError(
            f"{folder}: the tokenizer must have a token that stands for a masked one, "
            f"such as {MASK}, since masked tokens are learnt from; got none. Use a "
            f"model that was pretrained with one, or set pretrain.mlm and pretrain.tlm "
            f"to 0."
        )
    is_special = np.ones(vocab_size, bool)
    is_special[list(tokenizer.backend.get_vocab().values())] = False
    special = specials(content_of(tokenizer.backend), tokenizer.pad_id)
    is_special[[*special, found]] = True
    if tokenizer.unk_id is not None:
        is_special[tokenizer.unk_id] = True
    return Masks(found, is_special)


def with_mask(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer of our own with a token to mask by, behind all others."""
    tokenizer.backend.add_special_tokens([MASK])
    return tokenizer
