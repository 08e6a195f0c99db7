"""Every kind of tokenizer that can be trimmed, by the `type` of its model."""

from collections.abc import Mapping

from xlnas_jax.data.tokens.trimming.base import Kind, Model
from xlnas_jax.data.tokens.trimming.bpe import BPE
from xlnas_jax.data.tokens.trimming.unigram import UNIGRAM
from xlnas_jax.data.tokens.trimming.wordpiece import WORDPIECE
from xlnas_jax.types import ConfigError, brief

KINDS: Mapping[str, Kind] = {"Unigram": UNIGRAM, "WordPiece": WORDPIECE, "BPE": BPE}


def kind_of(model: Model) -> Kind:
    """The kind of a model.

    Raises:
        ConfigError: what its pieces depend on is not known.
    """
    name = str(model.get("type"))
    if name not in KINDS:
        raise ConfigError(
            f"model.vocabulary: the tokenizer must be of kind {', '.join(KINDS)} to be "
            f"trimmed; got {brief(name)}. Leave model.vocabulary out."
        )
    return KINDS[name]
