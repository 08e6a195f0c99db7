"""From a pretrained model and texts of a language to the model with its pieces."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.alignment.mapping.vecmap import map_supervised
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import read_texts
from xlnas_jax.data.tokens.extending import extend
from xlnas_jax.data.tokens.tokenizer import load_tokenizer, require_ids_within
from xlnas_jax.data.tokens.trimming.compare import compare
from xlnas_jax.data.translators.lexicon import places_of_pairs, read_word_pairs
from xlnas_jax.data.translators.vector_words import read_word_vectors
from xlnas_jax.pretraining.extending.methods import Given, WordVectors, rows_of
from xlnas_jax.pretraining.extending.save import save_extended
from xlnas_jax.supernet import pretrained
from xlnas_jax.types import DataError, brief

_FORMAT = 1
# Words of each file of vectors that are looked at, the first ones.
_MOST_WORDS = 20_000
_LEAST_PAIRS = 2


class Aligned(NamedTuple):
    """Where `aligned` learns what words of the new language mean.

    Attributes:
        pairs: a file of texts and their translations, a tab between.
        vectors: files of word vectors, of the new language and of a known one.
        dictionary: a file of words of the new language and translations, by which
            vectors come into one space; None where they are in one.
    """

    pairs: Path | None = None
    vectors: tuple[Path, ...] = ()
    dictionary: Path | None = None


def extend_model(
    model: str,
    out: Path,
    files: Sequence[Path],
    size: int,
    method: str,
    aligned: Aligned = Aligned(),  # noqa: B008
    seed: int = 0,
) -> dict[str, Any]:
    """Writes a directory in Hugging Face's format; see `xlnas extend`.

    Returns:
        What was done, as the directory says it.

    Raises:
        ConfigError: the model's tokenizer cannot be extended.
        DataError: a file does not hold what it should, or no piece is to be added.
    """
    texts = [text for file in files for text in read_texts(file)]
    folder = pretrained.resolve(model)
    shape = pretrained.read_shape(folder)
    old = load_tokenizer(str(folder), shape.max_length)
    require_ids_within(old, shape.vocab_size, shape.num_segments, str(folder))
    new = extend(old, texts, size)
    given = Given(old, new, texts)
    if method == "aligned":
        given = given._replace(
            pairs=read_pairs(aligned.pairs) if aligned.pairs else (),
            vectors=read_both(aligned) if aligned.vectors else None,
        )
    rows = rows_of(method, given)
    # Old pieces keep their ids.
    ids = np.arange(new.first + len(new.pieces))
    tokens, _ = compare(old, new.tokenizer, ids, texts)
    facts = {
        "format": _FORMAT,
        # A model does not say where its author keeps files.
        "model": Path(model).name if Path(model).expanduser().is_dir() else model,
        "method": method,
        "seed": seed,
        "before": new.first,
        "pieces": len(new.pieces),
        "by": rows.by,
        "texts": len(texts),
        "tokens": tokens._asdict(),
    }
    save_extended(out, folder, shape, new, rows.shares, texts, facts)
    return facts


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Texts and translations, a tab between, a pair a line.

    Raises:
        DataError: a line is no pair.
    """
    found = []
    for line in read_texts(path):
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) != 2 or not all(parts):
            raise DataError(
                f"{path}: every line must be a text, a tab and its translation; got "
                f"{brief(line)}. Correct or remove the line."
            )
        found.append((parts[0], parts[1]))
    return found


def read_both(aligned: Aligned) -> tuple[WordVectors, WordVectors]:
    """Vectors of the words of both languages in one space.

    Raises:
        DataError: a file is none of word vectors, or the dictionary has hardly a word.
    """
    theirs, ours = (
        WordVectors(*read_word_vectors(str(path.expanduser()), _MOST_WORDS, whose))
        for path, whose in zip(
            aligned.vectors, ("the new language", "the known language"), strict=True
        )
    )
    if aligned.dictionary is None:
        if theirs.vectors.shape[1] != ours.vectors.shape[1]:
            raise DataError(
                f"vectors: those of both languages must be in one space; got "
                f"{theirs.vectors.shape[1]} and {ours.vectors.shape[1]} numbers. Give "
                f"aligned vectors of one kind, or vectors of one size and a dictionary."
            )
        return theirs, ours
    pairs = read_word_pairs(str(aligned.dictionary.expanduser()), Faults(False))
    known = places_of_pairs(pairs, theirs.words, ours.words)
    if len(known) < _LEAST_PAIRS:
        raise DataError(
            f"{aligned.dictionary}: at least {_LEAST_PAIRS} of its pairs must have "
            f"vectors; got {len(known)} of {len(pairs)}. A line is a word of the new "
            f"language and one of the known."
        )
    rows = np.asarray(known, np.int64).T
    mapped = map_supervised(theirs.vectors, ours.vectors, *rows)
    sides = (theirs.words, mapped.source), (ours.words, mapped.target)
    return WordVectors(*sides[0]), WordVectors(*sides[1])
