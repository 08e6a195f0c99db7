"""Text to token ids: one thin face for every fast tokenizer."""

import contextlib
import json
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tokenizers
from jaxtyping import Int
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from xlnas_jax.data.unigram import train_unigram
from xlnas_jax.files import read_json, read_text
from xlnas_jax.languages import named
from xlnas_jax.types import ConfigError, DataError, brief

_TOKENIZER_FILE = "tokenizer.json"
_SETTINGS_FILE = "xlnas_tokenizer.json"
_FORMAT = 1
FILES = (_TOKENIZER_FILE, _SETTINGS_FILE)
# Of our settings; far above any encoder's.
_BOUNDS = {
    "format": (_FORMAT, _FORMAT),
    "pad_id": (0, 1 << 24),
    "unk_id": (0, 1 << 24),
    "max_length": (1, 1 << 20),
}


class TokenizerWarning(UserWarning):
    """A tokenizer that does not know the script or words of a language."""


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
        max_length: tokens kept of an example, special tokens included.
    """

    backend: tokenizers.Tokenizer
    pad_id: int
    unk_id: int | None
    max_length: int

    @property
    def vocab_size(self) -> int:
        """Number of ids, added tokens included."""
        return self.backend.get_vocab_size(with_added_tokens=True)

    def encode(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> list[Encoding]:
        """Encode texts, or texts with their pairs, with special tokens."""
        inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
        with speaking("the tokenizer", "encode this text"):
            self.backend.enable_truncation(self.max_length)
            self.backend.no_padding()
            encoded = self.backend.encode_batch(list(inputs))
        return [Encoding(one.ids, one.type_ids) for one in encoded]

    def encode_words(
        self, sentences: Sequence[Sequence[str]]
    ) -> tuple[list[Encoding], list[Int[np.ndarray, " _"]]]:
        """Encode sentences that are split into words, with special tokens.

        Returns:
            The encodings, and for each word the position of its first sub-word: -1
            where it was truncated, or where the tokenizer drops all of it.
        """
        with speaking("the tokenizer", "encode this sentence"):
            self.backend.enable_truncation(self.max_length)
            self.backend.no_padding()
            encoded = self.backend.encode_batch(
                [list(words) for words in sentences], is_pretokenized=True
            )
        positions = []
        for one, words in zip(encoded, sentences, strict=True):
            first = np.full(len(words), -1, np.int32)
            for token, word in reversed(list(enumerate(one.word_ids))):
                if word is not None:
                    first[word] = token
            positions.append(first)
        return [Encoding(one.ids, one.type_ids) for one in encoded], positions

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
        (folder / _TOKENIZER_FILE).write_text(self.to_text(), "utf-8")
        settings = {
            "format": _FORMAT,
            "pad_id": self.pad_id,
            "unk_id": self.unk_id,
            "max_length": self.max_length,
        }
        text = json.dumps(settings, indent=1) + "\n"
        (folder / _SETTINGS_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "Tokenizer":
        """Read what `save` wrote.

        Raises:
            DataError: it is missing, or something else.
        """
        folder = Path(folder)
        file = folder / _SETTINGS_FILE
        settings = read_json(file, DataError, "Save it again.", follow=False)
        backend = _read_backend(folder)
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
        return cls(backend=backend, **kept)


@contextlib.contextmanager
def speaking(where: str, what: str) -> Iterator[None]:
    """Turn what `tokenizers` raises into one paragraph.

    What its Rust side finds wrong is a plain `Exception`; where it panics, not even
    that.
    """
    try:
        yield
    except BaseException as error:
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise DataError(
            f"{where}: must {what}; got: {brief(str(error))}. Save the tokenizer again "
            f"with the library that made it, or leave such texts out."
        ) from error


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
    folder = Path(path).expanduser()
    if (folder / _TOKENIZER_FILE).is_file():
        backend = _read_backend(folder)
        pad_id = _padding_id(folder, backend)
    else:
        backend, pad_id = _from_transformers(str(path), revision)
    if pad_id is None:
        raise DataError(
            f"{path}: the tokenizer must have a padding token; got none in its "
            f"configuration. Set pad_token in tokenizer_config.json."
        )
    return Tokenizer(backend, pad_id, _unknown_id(backend), max_length)


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, max_length: int
) -> Tokenizer:
    """Train a Unigram tokenizer with XLM-R's special tokens and templates.

    The same texts give the same bytes, in whatever order they come.
    """
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    if vocab_size <= 2 * len(specials):
        raise ConfigError(
            f"model.vocab_size: must leave room for pieces beside {specials}; got "
            f"{vocab_size}. Use some thousands."
        )
    normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    splitter = pre_tokenizers.Metaspace()
    words: Counter[str] = Counter()
    for text in texts:
        pieces = splitter.pre_tokenize_str(normalizer.normalize_str(text))
        words.update(piece for piece, _ in pieces)
    learned = train_unigram(words, vocab_size - len(specials))
    vocabulary = [(special, 0.0) for special in specials] + learned
    backend = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=3))
    backend.add_special_tokens(specials)
    backend.normalizer = normalizer
    backend.pre_tokenizer = splitter
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return Tokenizer(backend, pad_id=1, unk_id=3, max_length=max_length)


def unk_rate(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Share of unknown tokens among all but the special tokens."""
    if tokenizer.unk_id is None:
        return 0.0
    ids = _plain_ids(tokenizer, texts)
    total = sum(len(one) for one in ids)
    unknown = sum(one.count(tokenizer.unk_id) for one in ids)
    return unknown / max(total, 1)


def fertility(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Sub-words per word, words being what white space separates."""
    total = sum(len(one) for one in _plain_ids(tokenizer, texts))
    return total / max(sum(len(text.split()) for text in texts), 1)


def warn(
    tokenizer: Tokenizer, texts: Sequence[str], language: str, max_unk_rate: float
) -> None:
    """Warn of a language that the tokenizer maps to `<unk>` too often."""
    rate = unk_rate(tokenizer, texts)
    if rate > max_unk_rate:
        warnings.warn(
            f"the tokenizer should know most of {named(language)}; it "
            f"maps {rate:.0%} of its tokens to <unk>, above tokens.max_unk_rate "
            f"{max_unk_rate:.0%}. Expect scores near chance; choose a model whose "
            f"vocabulary has the script.",
            TokenizerWarning,
            stacklevel=2,
        )


def _plain_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    tokenizer.backend.no_truncation()
    tokenizer.backend.no_padding()
    encoded = tokenizer.backend.encode_batch(list(texts), add_special_tokens=False)
    return [one.ids for one in encoded]


def _read_backend(folder: Path) -> tokenizers.Tokenizer:
    """Read the pipeline without the truncation and padding stored in it."""
    file = folder / _TOKENIZER_FILE
    content = read_text(file, DataError, "Save the tokenizer again.")
    with speaking(str(file), "be read by `tokenizers`"):
        backend = tokenizers.Tokenizer.from_str(content)
    backend.no_truncation()
    backend.no_padding()
    return backend


def _padding_id(folder: Path, backend: tokenizers.Tokenizer) -> int | None:
    """Look where checkpoints say it: our settings, the model's, the tokenizer's."""
    for file, key in ((_SETTINGS_FILE, "pad_id"), ("config.json", "pad_token_id")):
        value = (_read_json(folder / file) or {}).get(key)
        if isinstance(value, int):
            return value
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        token = (_read_json(folder / file) or {}).get("pad_token")
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            return backend.token_to_id(content)
    return None


def _unknown_id(backend: tokenizers.Tokenizer) -> int | None:
    model = json.loads(backend.to_str())["model"]
    if isinstance(model.get("unk_id"), int):  # Unigram
        return model["unk_id"]
    token = model.get("unk_token")  # WordPiece, BPE
    return backend.token_to_id(token) if token else None


def _from_transformers(
    path: str, revision: str
) -> tuple[tokenizers.Tokenizer, int | None]:
    import transformers

    try:
        found = transformers.AutoTokenizer.from_pretrained(
            path, revision=revision or "main", use_fast=True
        )
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: must be a directory with {_TOKENIZER_FILE} or a hub id; got "
            f"{type(error).__name__}: {reason.rstrip('.')}. Check model.path."
        ) from error
    backend = getattr(found, "backend_tokenizer", None)
    if not isinstance(backend, tokenizers.Tokenizer):
        raise DataError(
            f"{path}: the tokenizer must be a fast one; got {type(found).__name__}. "
            f"Convert it to {_TOKENIZER_FILE} with `transformers`."
        )
    backend.no_truncation()
    backend.no_padding()
    return backend, found.pad_token_id


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"{path}: must be JSON; got: {error}. Restore the file."
        ) from error
    return content if isinstance(content, dict) else None
