"""The sizes and the tokenizer of the encoder that a search begins with."""

import functools
import itertools
from collections.abc import Iterator, Sequence

from xlnas_jax.config.config import Config
from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.data import sources
from xlnas_jax.data.examples import AnyExamples, Source
from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import (
    Tokenizer,
    load_tokenizer,
    require_ids_within,
)
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.experiment.pieces.trimming import trim_vocabulary
from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.families.registry import SCRATCH
from xlnas_jax.supernet.narrow import narrowed_shape

# Texts, and characters of each, that a tokenizer is held against `transformers` on.
_COMPARED = 300


def tokenizer_and_shape(
    config: Config, found: Sequence[tuple[LanguageRoles, Source]]
) -> tuple[Tokenizer, EncoderShape, Vocabulary | None]:
    """Both of the pretrained model, or of a new one over the training text.

    With the pretrained vocabulary where it is trimmed.

    Args:
        found: of each task, the roles of languages and the data.
    """
    model = config.model
    longest = [task.tokens or config.tokens for task in config.every_task.values()]
    max_length = max(settings.max_length for settings in longest)
    if isinstance(model, PretrainedModel):
        folder = pretrained.resolve(model.path, model.revision)
        shape = pretrained.read_shape(folder)
        tokenizer = load_tokenizer(str(folder), max_length)
        where = str(folder)
        require_ids_within(tokenizer, shape.vocab_size, shape.num_segments, where)
        texts = itertools.islice(texts_of(found), _COMPARED)
        require_agreement(tokenizer.backend, folder, [t[:_COMPARED] for t in texts])
        vocabulary = None
        if model.vocabulary is not None:
            words = functools.partial(pretrained.load_words, folder)
            given = config, model.vocabulary, found, tokenizer, shape, words
            tokenizer, shape, vocabulary = trim_vocabulary(*given)
        if model.narrow is not None:
            shape = narrowed_shape(shape, model.narrow.width)
        return tokenizer, shape, vocabulary
    texts = itertools.chain((one.prefix for one in longest), texts_of(found))
    tokenizer = train_tokenizer(texts, model.vocab_size, max_length)
    return tokenizer, scratch_shape(model, tokenizer, max_length), None


def texts_of(found: Sequence[tuple[LanguageRoles, Source]]) -> Iterator[str]:
    """All texts that weights may learn from, of one task after another."""
    for roles, source in found:
        for part in trained_on(roles, source):
            yield from part.texts


def scratch_shape(
    model: ScratchModel, tokenizer: Tokenizer, max_length: int
) -> EncoderShape:
    """The sizes of an encoder that is trained from nothing."""
    return EncoderShape(
        vocab_size=tokenizer.vocab_size,
        width=model.width,
        num_layers=model.layers,
        num_heads=model.heads,
        head_dim=model.width // model.heads,
        ffn=model.ffn,
        max_positions=max_length,
        num_segments=1,
        position_offset=0,
        pad_id=tokenizer.pad_id,
        norm_epsilon=1e-5,
        family=SCRATCH,
    )


def trained_on(roles: LanguageRoles, source: Source) -> list[AnyExamples]:
    """The training split of every language that weights may learn from.

    That of the source is first, with what is made of it.
    """
    return [
        sources.read_learnt(source, roles),
        *(
            sources.read(source, roles, code, "train", "train")
            for code in roles.aux_train
        ),
    ]
