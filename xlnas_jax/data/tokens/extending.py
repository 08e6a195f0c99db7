"""A tokenizer with further pieces, for a language that it cuts into too many.

Every piece that was there keeps its id; new ones follow. Text of other languages is cut
by them as well, wherever they fit.

References:
    Wang et al., "Extending Multilingual BERT to Low-Resource Languages", 2020.
    https://arxiv.org/abs/2004.13640
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tokenizers

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.base import is_single
from xlnas_jax.data.tokens.trimming.cutting import cut
from xlnas_jax.data.tokens.trimming.trim import content_of
from xlnas_jax.data.tokens.trimming.unigram import MARK
from xlnas_jax.data.tokens.unigram import train_unigram
from xlnas_jax.types import ConfigError, DataError, brief

Piece = tuple[str, float]
# Of a text that is learnt from; of one of megabytes a part says enough.
_MAX_CHARACTERS = 100_000
KINDS = ("Unigram", "WordPiece")
_PREFIX = "continuing_subword_prefix"


class Extended(NamedTuple):
    """A tokenizer with new pieces.

    Attributes:
        pieces: the new ones; number `n` has the id `first + n`.
    """

    tokenizer: Tokenizer
    pieces: tuple[str, ...]
    first: int


def extend(tokenizer: Tokenizer, texts: Sequence[str], size: int) -> Extended:
    """Adds what a vocabulary of `size` pieces of these texts has and it has not.

    Pieces that the texts do not use in the end, since old ones serve better, are left
    out again: none of these texts is cut otherwise without them. Single characters
    stay, so that other texts of the language can be told, too.

    Raises:
        ConfigError: it is of a kind whose pieces cannot be added to.
        DataError: nothing is to be added.
    """
    learnt = new_pieces(tokenizer.backend, texts, size)
    whole = with_pieces(tokenizer, learnt)
    used = np.unique(np.concatenate(cut(whole.tokenizer.backend, texts)))
    used = set(used[used >= whole.first] - whole.first)
    if not used:
        raise DataError(
            f"texts: must use pieces that the tokenizer does not have; got none among "
            f"the {size:,} most useful of {len(texts):,} texts. Leave the vocabulary "
            f"as it is, or ask for more pieces."
        )
    marks = (MARK, content_of(tokenizer.backend)["model"].get(_PREFIX) or "")
    kept = [
        one for n, one in enumerate(learnt) if n in used or is_single(one[0], marks)
    ]
    return with_pieces(tokenizer, kept)


def new_pieces(
    backend: tokenizers.Tokenizer, texts: Sequence[str], size: int
) -> list[Piece]:
    """Pieces that a tokenizer lacks, and their log probabilities in these texts."""
    model = content_of(backend)["model"]
    is_marked = _kind(model) == "Unigram"
    words: Counter[str] = Counter()
    with speaking("the tokenizer", "split these texts into words"):
        for text in texts:
            words.update(_words(backend, text[:_MAX_CHARACTERS]))
    if not is_marked:
        words = Counter({MARK + word: count for word, count in words.items()})
    known = backend.get_vocab(with_added_tokens=True)
    found = train_unigram(words, size)
    if not is_marked:
        found = _as_word_pieces(found, model[_PREFIX])
    return [(piece, score) for piece, score in found if piece not in known]


def with_pieces(tokenizer: Tokenizer, pieces: Sequence[Piece]) -> Extended:
    """The tokenizer with these behind all that it has.

    Raises:
        ConfigError: it is of another kind, or would number old pieces anew.
    """
    content = content_of(tokenizer.backend)
    model = content["model"]
    known = tokenizer.backend.get_vocab(with_added_tokens=True)
    first = 1 + max(known.values())
    # Numbered as a part of the model, else behind whatever the model has.
    own = {one["content"]: one["id"] for one in content["added_tokens"]}
    add = _add_to_list if _kind(model) == "Unigram" else _add_to_mapping
    content["model"] = {**model, "vocab": add(model["vocab"], own, pieces, first)}
    with speaking("texts", "leave a tokenizer that `tokenizers` can read"):
        backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    wanted = known | {piece: first + n for n, (piece, _) in enumerate(pieces)}
    for piece, id in wanted.items():
        if backend.token_to_id(piece) != id:
            raise ConfigError(
                f"the tokenizer: every piece must keep its id when others follow; got "
                f"{backend.token_to_id(piece)} instead of {id} for {brief(piece)}. "
                f"Give every piece of tokenizer.json an id of its own, without gaps."
            )
    names = tuple(piece for piece, _ in pieces)
    return Extended(dataclasses.replace(tokenizer, backend=backend), names, first)


def parts_of(tokenizer: Tokenizer, pieces: Sequence[str]) -> list[list[int]]:
    """What a tokenizer without these pieces has in their places, the unknown left out.

    One that stands within a word is of pieces that stand within words, too, where there
    are such.
    """
    content = content_of(tokenizer.backend)
    model = content["model"]
    bare = {"normalizer": None, "pre_tokenizer": None, "post_processor": None}
    plain = tokenizers.Tokenizer.from_str(
        json.dumps({**content, **bare, "added_tokens": []})
    )
    prefix = model.get(_PREFIX) or ""
    found = []
    for piece in pieces:
        is_inner = bool(prefix) and piece.startswith(prefix)
        one = plain.encode(piece.removeprefix(prefix) if is_inner else piece)
        ids = list(one.ids)
        if is_inner and ids:
            within = plain.token_to_id(prefix + one.tokens[0])
            ids[0] = ids[0] if within is None else within
        found.append([id for id in ids if id != tokenizer.unk_id])
    return found


def _kind(model: dict[str, Any]) -> str:
    name = str(model.get("type"))
    if name not in KINDS:
        raise ConfigError(
            f"the tokenizer: must be of kind {' or '.join(KINDS)} to be extended; got "
            f"{brief(name)}, whose pieces are merged in an order that new ones have no "
            f"place in. Choose a model with another tokenizer."
        )
    return name


def _words(backend: tokenizers.Tokenizer, text: str) -> list[str]:
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return [text]
    return [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)]


def _as_word_pieces(found: Sequence[Piece], prefix: str) -> list[Piece]:
    """Without the mark of a word's beginning, or with that of what is within one.

    Characters are in both forms: the longest piece is taken, whatever is left, and a
    word of which a rest is left that no piece begins is unknown as a whole.
    """
    made: dict[str, float] = {}
    for piece, score in found:
        bare = piece.removeprefix(MARK)
        forms = [bare if piece.startswith(MARK) else prefix + piece]
        if len(bare) == 1:
            forms = [bare, prefix + bare]
        for form in forms if bare else ():
            made.setdefault(form, score)
    return [*made.items()]


def _add_to_list(
    vocabulary: list[list[Any]],
    own: dict[str, int],
    pieces: Sequence[Piece],
    first: int,
) -> list[list[Any]]:
    """Of Unigram: numbers are places.

    No piece is less probable than the worst of before, by which unknown text is priced.
    """
    worst = min((score for _, score in vocabulary), default=0.0)
    names = {id: name for name, id in own.items()}
    # A place without a piece is found by whoever compares ids.
    behind = [[names.get(id, ""), worst] for id in range(len(vocabulary), first)]
    new = [[piece, max(score, worst)] for piece, score in pieces]
    return [*vocabulary, *behind, *new]


def _add_to_mapping(
    vocabulary: dict[str, int],
    own: dict[str, int],
    pieces: Sequence[Piece],
    first: int,
) -> dict[str, int]:
    """Of WordPiece."""
    new = {piece: first + number for number, (piece, _) in enumerate(pieces)}
    return {**vocabulary, **own, **new}
