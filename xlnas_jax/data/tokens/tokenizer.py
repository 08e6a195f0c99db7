"""Text to token ids: one thin face for every fast tokenizer."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.config.tokens import A_PREFIX, is_prefix
from xlnas_jax.data.tokens import published
from xlnas_jax.data.tokens.published import SETTINGS_FILE, TOKENIZER_FILE, speaking
from xlnas_jax.data.tokens.truncation import kept_of_pair
from xlnas_jax.files import read_json
from xlnas_jax.types import DataError, brief

# The second has a prefix, which readers of the first would pass over.
_FORMAT, _WITH_PREFIX = 1, 2
Item = TypeVar("Item")
FILES = (TOKENIZER_FILE, SETTINGS_FILE)
# Of our settings; far above any encoder's.
_BOUNDS = {
    "format": (_FORMAT, _WITH_PREFIX),
    "pad_id": (0, 1 << 24),
    "unk_id": (0, 1 << 24),
    "max_length": (1, 1 << 20),
}
# Far more than a token has, on average, in any script.
_CHARACTERS_PER_TOKEN = 64
_WORDS_PER_TOKEN = 4
# Characters of a text, and of one of a pair, that is never cut.
_ORDINARY = 1 << 14
_ORDINARY_OF_PAIR = 1 << 17
# Characters that are encoded at once: a hundred bytes each, at most.
AT_ONCE = 1 << 22
# Characters that a text may have without being worth its tokens.
_MAX_EMPTY = 1 << 19
_SPACES = (" ", "\n", "\t")


class Encoding(NamedTuple):
    """Token ids of one text (or pair), special tokens included, not padded."""

    ids: Sequence[int]
    segments: Sequence[int]


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """A `tokenizers` pipeline with what the model needs to know of it.

    Attributes:
        backend: never truncates or pads by itself when saved.
        unk_id: None where the vocabulary has no unknown token.
        max_length: tokens kept of an example, special tokens and prefix included.
        prefix: stands before every text, the first one of a pair, and a question. The
            words of it stand before those of a sentence.
    """

    backend: tokenizers.Tokenizer
    pad_id: int
    unk_id: int | None
    max_length: int
    prefix: str = ""

    @property
    def vocab_size(self) -> int:
        """Number of ids, added tokens included."""
        return self.backend.get_vocab_size(with_added_tokens=True)

    def encode(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> list[Encoding]:
        """Encode texts, or texts with their pairs, with special tokens.

        Raises:
            DataError: the tokenizer cannot encode one, finds hardly a token in a very
                long one, or has more special tokens than `max_length`.
        """
        texts = [self.prefix + text for text in texts]
        if pairs is not None:
            return self._encode_pairs(zip(texts, pairs, strict=True))
        inputs = [self._enough(text) for text in texts]
        encoded = self._encode(self.backend, inputs)
        return [Encoding(one.ids, one.type_ids) for one in encoded]

    def encode_words(
        self, sentences: Sequence[Sequence[str]]
    ) -> tuple[list[Encoding], list[Int[np.ndarray, " _"]]]:
        """Encode sentences that are split into words, with special tokens.

        Returns:
            The encodings, and for each word the position of its first sub-word: -1
            where it was truncated, or where the tokenizer drops all of it.
        """
        before = self.prefix.split()
        kept = [self._enough_words([*before, *words]) for words in sentences]
        encoded = self._encode(self._of_words, kept, is_pretokenized=True)
        positions = []
        for one, words in zip(encoded, sentences, strict=True):
            first = np.full(len(words), -1, np.int32)
            for token, word in reversed(list(enumerate(one.word_ids))):
                if word is not None and word >= len(before):
                    first[word - len(before)] = token
            positions.append(first)
        return [Encoding(one.ids, one.type_ids) for one in encoded], positions

    @functools.cached_property
    def _of_words(self) -> tokenizers.Tokenizer:
        return of_words(self.backend)

    def _encode_pairs(self, pairs: Iterable[tuple[str, str]]) -> list[Encoding]:
        """Encoded whole, then truncated: the longer one gives up more."""
        encodings = []
        for batch in together(pairs, _characters, AT_ONCE):
            inputs = [
                tuple(self._enough(text, _ORDINARY_OF_PAIR) for text in pair)
                for pair in batch
            ]
            for one in self._encode(self.backend, inputs, is_whole=True):
                ids, segments = one.ids, one.type_ids
                if len(ids) > self.max_length:
                    kept = kept_of_pair(one.sequence_ids, self.max_length)
                    ids = [ids[n] for n in kept]
                    segments = [segments[n] for n in kept]
                encodings.append(Encoding(ids, segments))
        return encodings

    def _encode(
        self,
        backend: tokenizers.Tokenizer,
        inputs: list[Any],
        is_whole: bool = False,
        **options: bool,
    ) -> list[tokenizers.Encoding]:
        """All at once; what the library cannot encode is looked for and named."""
        backend.no_truncation()
        if not is_whole:
            backend.enable_truncation(self.max_length)
        backend.no_padding()
        try:
            with speaking("the tokenizer", "encode these texts"):
                return backend.encode_batch(inputs, **options)
        except DataError:
            for one in inputs:
                with speaking("the tokenizer", f"encode {brief(one)}"):
                    backend.encode_batch([one], **options)
            raise

    def _enough(self, text: str, ordinary: int = _ORDINARY) -> str:
        """The beginning of a text that fills what is kept of it, if it is very long.

        Cut at white space, where no tokenizer joins what stands on both sides; twice
        as much is taken until it suffices.

        Raises:
            DataError: it has hardly a token in all that is looked at.
        """
        size = max(_CHARACTERS_PER_TOKEN * self.max_length, ordinary)
        while len(text) > size:
            cut = text[:size]
            end = max(cut.rfind(space) for space in _SPACES)
            # One long word, which may have few words before it, is cut in itself.
            cut = cut[: end if 2 * end > size else size]
            self.backend.no_truncation()
            with speaking("the tokenizer", f"encode {brief(text)}"):
                found = len(self.backend.encode(cut).ids)
            if found > self.max_length:
                return cut
            if size > _MAX_EMPTY:
                raise DataError(
                    f"the tokenizer: {self.max_length} tokens must be found in the "
                    f"first {size:,} characters of a text; got {found} of one of "
                    f"{len(text):,}, {brief(text)}. Leave it out, or cut it."
                )
            size *= 2
        return text

    def _enough_words(self, words: Sequence[str]) -> list[str]:
        """The same of words, each of them cut too."""
        backend = self._of_words
        longest = _CHARACTERS_PER_TOKEN * self.max_length
        words = [word[:longest] for word in words]
        size = _WORDS_PER_TOKEN * self.max_length
        while size < len(words):
            backend.no_truncation()
            with speaking("the tokenizer", f"encode {brief(words)}"):
                found = backend.encode(words[:size], is_pretokenized=True)
            if len(found.ids) > self.max_length:
                return words[:size]
            size *= 2
        return words

    def to_text(self) -> str:
        """The pipeline as `tokenizer.json` has it: it neither truncates nor pads."""
        plain = tokenizers.Tokenizer.from_str(self.backend.to_str())
        plain.no_truncation()
        plain.no_padding()
        return plain.to_str(pretty=True)

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json`, readable by any library, and our settings."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TOKENIZER_FILE).write_text(self.to_text(), "utf-8")
        settings: dict[str, Any] = {
            "format": _FORMAT,
            "pad_id": self.pad_id,
            "unk_id": self.unk_id,
            "max_length": self.max_length,
        }
        if self.prefix:
            settings |= {"format": _WITH_PREFIX, "prefix": self.prefix}
        text = json.dumps(settings, indent=1) + "\n"
        (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "Tokenizer":
        """Read what `save` wrote.

        Raises:
            DataError: it is missing, or something else.
        """
        folder = Path(folder)
        file = folder / SETTINGS_FILE
        settings = read_json(file, DataError, "Save it again.", follow=False)
        backend = published.read_backend(folder)
        for key, (least, most) in _BOUNDS.items():
            value = settings.get(key, "nothing")
            is_absent = key == "unk_id" and value is None
            # `True` is an `int` too, though never an id.
            if not is_absent and not (type(value) is int and least <= value <= most):
                raise DataError(
                    f"{file}: {key} must be from {least} to {most}; got "
                    f"{brief(value)}. Save the tokenizer again."
                )
        kept = {key: settings[key] for key in _BOUNDS if key != "format"}
        prefix = settings.get("prefix", "")
        if not isinstance(prefix, str) or not is_prefix(prefix):
            raise DataError(
                f"{file}: prefix must be {A_PREFIX}; got {brief(prefix)}. Save the "
                f"tokenizer again."
            )
        return cls(backend=backend, prefix=prefix, **kept)


def require_ids_within(
    tokenizer: Tokenizer, vocab_size: int, num_segments: int, where: str
) -> None:
    """An error unless every id that a tokenizer can give has a row of its own.

    Of an id beyond its table JAX reads the last row, without a word. Special tokens
    that the post-processor adds have ids that no look at the vocabulary finds.
    """
    ids = tokenizer.backend.get_vocab(with_added_tokens=True)
    ids |= {"the padding": tokenizer.pad_id, "the unknown": tokenizer.unk_id or 0}
    segments: dict[str, int] = {}
    processor = tokenizer.backend.post_processor
    if processor is not None:
        _collect(json.loads(processor.__getstate__()), "", ids, segments)
    for found, size, what in (
        (ids, vocab_size, "id"),
        (segments, num_segments, "type"),
    ):
        token = max(found, key=found.__getitem__, default=None)
        if token is not None and found[token] >= size:
            raise DataError(
                f"{where}: every {what} of a token must be below {size}, the rows that "
                f"the model has; got {found[token]} of {brief(token)}. Use tokenizer "
                f"and weights of one model."
            )


def _collect(
    content: Any, token: str, ids: dict[str, int], segments: dict[str, int]
) -> None:
    """Ids and types in a post-processor, wherever its kind keeps them."""
    match content:
        case [str() as name, int() as one]:  # of BERT's and RoBERTa's
            ids[f"{name} of the post-processor"] = one
        case list():
            for one in content:
                _collect(one, token, ids, segments)
        case dict():
            token = str(content.get("id", token))
            for key, one in content.items():
                if key == "type_id":
                    segments[token] = max(one, segments.get(token, 0))
                elif key == "ids":
                    ids[f"{token} of the post-processor"] = max(one, default=0)
                else:
                    _collect(one, token, ids, segments)


def load_tokenizer(path: str | Path, max_length: int, revision: str = "") -> Tokenizer:
    """The tokenizer of a pretrained model, from a directory or hub id.

    Raises:
        DataError: there is no fast tokenizer, or no padding token.
    """
    backend, pad_id = published.read(path, revision)
    return Tokenizer(backend, pad_id, published.unknown_id(backend), max_length)


def together(
    items: Iterable[Item], size_of: Callable[[Item], int], most: int
) -> Iterator[list[Item]]:
    """Items of at most so many characters in all, as far as one alone is not more."""
    batch: list[Item] = []
    size = 0
    for item in items:
        characters = size_of(item)
        if batch and size + characters > most:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += characters
    if batch:
        yield batch


def _characters(pair: tuple[str, str]) -> int:
    """As many as are looked at."""
    return sum(min(len(text), _ORDINARY_OF_PAIR) for text in pair)


def of_words(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The pipeline for sentences that are split into words.

    Byte-level tokenizers tell a word by the space before it, which words that were
    split have lost: it is put back, as `transformers` asks for (`add_prefix_space`).
    """
    splitter = backend.pre_tokenizer
    if splitter is None or not _with_prefix_space(json.loads(splitter.__getstate__())):
        return backend
    content = json.loads(backend.to_str())
    _with_prefix_space(content["pre_tokenizer"])
    return tokenizers.Tokenizer.from_str(json.dumps(content))


def _with_prefix_space(pre_tokenizer: Any) -> bool:
    """Sets the option wherever it is off; whether it was anywhere."""
    if not isinstance(pre_tokenizer, dict):
        return False
    inner = pre_tokenizer.get("pretokenizers", [])
    is_changed = [_with_prefix_space(one) for one in inner]
    if pre_tokenizer.get("add_prefix_space") is False:
        pre_tokenizer["add_prefix_space"] = True
        return True
    return any(is_changed)
