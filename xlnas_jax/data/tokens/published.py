"""Tokenizers as they are published: a pipeline, and settings that may contradict it."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from xlnas_jax.files import read_json, read_text
from xlnas_jax.types import ConfigError, DataError, brief

TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "xlnas_tokenizer.json"
_CONFIG_FILE = "tokenizer_config.json"
_MASKS = ("<mask>", "[MASK]")
# What BERT's classes in `transformers` put into the pipeline, whatever it has there.
_BERT_SETTINGS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# Of DeBERTa: what becomes one space.
_SPACES = r"\s{2,}|[\n\r\t]"
_BERT_DEFAULTS = {
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}


def read(path: str | Path, revision: str = "") -> tuple[tokenizers.Tokenizer, int]:
    """The pipeline of a directory or hub id, and the id of its padding.

    Raises:
        DataError: there is no fast tokenizer, or no padding token.
    """
    folder = Path(path).expanduser()
    if (folder / TOKENIZER_FILE).is_file():
        backend = _with_settings(read_backend(folder), _settings(folder))
        pad_id = _padding_id(folder, backend)
    else:
        backend, pad_id = _from_transformers(str(path), revision)
    if pad_id is None:
        raise DataError(
            f"{path}: the tokenizer must have a padding token; got none in its "
            f"configuration. Set pad_token in tokenizer_config.json."
        )
    return backend, pad_id


def require_agreement(
    backend: tokenizers.Tokenizer, path: str | Path, texts: Sequence[str]
) -> None:
    """An error unless `transformers` reads some texts as the pipeline does.

    What it makes of a directory depends on more files, and on its version; weights
    were trained with what it makes of them.

    Raises:
        ConfigError: it gives other ids; the first text is named.
    """
    import transformers

    try:
        # Code of the directory never runs, nor is it asked on a terminal whether to.
        found = transformers.AutoTokenizer.from_pretrained(
            str(path), use_fast=True, trust_remote_code=False
        )
    # Where it cannot read the directory, there is nothing to hold against.
    except (OSError, ValueError, RuntimeError, ImportError, TypeError, KeyError):
        return
    for text in texts:
        with speaking(str(path), f"encode {brief(text)}"):
            ours = backend.encode(text)
            theirs = found(text)["input_ids"]
        if ours.ids != theirs:
            names = found.convert_ids_to_tokens(theirs)
            raise ConfigError(
                f"{path}: tokenizer.json must give what `transformers` makes of this "
                f"directory; of {brief(text)} it gives {brief(ours.tokens[:16])}, "
                f"`transformers` {brief(names[:16])}. Load the tokenizer with "
                f"`transformers`, and save it again with `save_pretrained`."
            )


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


def read_backend(folder: Path) -> tokenizers.Tokenizer:
    """Read the pipeline without the truncation and padding stored in it."""
    file = folder / TOKENIZER_FILE
    content = read_text(file, DataError, "Save the tokenizer again.")
    with speaking(str(file), "be read by `tokenizers`"):
        backend = tokenizers.Tokenizer.from_str(content)
    backend.no_truncation()
    backend.no_padding()
    return backend


def _with_settings(
    backend: tokenizers.Tokenizer, settings: dict[str, Any]
) -> tokenizers.Tokenizer:
    """The pipeline with what settings say of it, where a class goes by these alone."""
    name = str(settings.get("tokenizer_class", ""))
    if name.startswith("DebertaV2"):
        return _of_deberta(backend, settings)
    if not name.startswith("Bert"):
        return backend
    content = json.loads(backend.to_str())
    normalizer = content.get("normalizer") or {}
    if normalizer.get("type") != "BertNormalizer":
        return backend
    said = {
        ours: settings[theirs]
        for theirs, ours in _BERT_SETTINGS.items()
        if isinstance(settings.get(theirs), bool)
    }
    kept = {name: normalizer[name] for name in _BERT_DEFAULTS if name in normalizer}
    options: dict[str, Any] = {**_BERT_DEFAULTS, **kept, **said}
    backend.normalizer = normalizers.BertNormalizer(**options)
    return backend


def _of_deberta(
    backend: tokenizers.Tokenizer, settings: dict[str, Any]
) -> tokenizers.Tokenizer:
    """The pieces of a tokenizer with all that comes before them, by its settings."""
    cases = [normalizers.Lowercase()] if settings.get("do_lower_case") else []
    spaces = normalizers.Replace(tokenizers.Regex(_SPACES), " ")
    end = normalizers.Strip(left=False, right=True)
    split = settings.get("split_by_punct")
    marks = [pre_tokenizers.Punctuation("isolated")] if split else []
    place = "always" if settings.get("add_prefix_space", True) else "first"
    words = pre_tokenizers.Metaspace("▁", prepend_scheme=place)
    backend.normalizer = normalizers.Sequence([*cases, spaces, normalizers.NFC(), end])
    backend.pre_tokenizer = pre_tokenizers.Sequence([*marks, words])
    return backend


def _settings(folder: Path) -> dict[str, Any]:
    return _read_json(folder / _CONFIG_FILE) or {}


def _padding_id(folder: Path, backend: tokenizers.Tokenizer) -> int | None:
    """Look where checkpoints say it: our settings, the model's, the tokenizer's."""
    for file, key in ((SETTINGS_FILE, "pad_id"), ("config.json", "pad_token_id")):
        value = (_read_json(folder / file) or {}).get(key)
        if type(value) is int:
            return value
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        token = (_read_json(folder / file) or {}).get("pad_token")
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            return backend.token_to_id(content)
    return None


def masking_id(path: str | Path, backend: tokenizers.Tokenizer) -> int | None:
    """The id of what stands for a token that is to be told, if there is one.

    As the settings of a directory say, or by its usual names.
    """
    folder = Path(path).expanduser()
    names = list(_MASKS)
    for file in ("special_tokens_map.json", _CONFIG_FILE):
        token = (_read_json(folder / file) or {}).get("mask_token")
        content = token.get("content") if isinstance(token, dict) else token
        names = [content, *names] if isinstance(content, str) else names
    found = (backend.token_to_id(name) for name in names)
    return next((one for one in found if one is not None), None)


def unknown_id(backend: tokenizers.Tokenizer) -> int | None:
    """The id of what the vocabulary does not have, if there is one."""
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
            path,
            revision=revision or "main",
            use_fast=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: must be a directory with {TOKENIZER_FILE} or a hub id; got "
            f"{type(error).__name__}: {reason.rstrip('.')}. Check model.path; a slow "
            f"tokenizer is converted by `pip install sentencepiece protobuf` and "
            f"`save_pretrained` of `transformers`."
        ) from error
    backend = getattr(found, "backend_tokenizer", None)
    if not isinstance(backend, tokenizers.Tokenizer):
        raise DataError(
            f"{path}: the tokenizer must be a fast one; got {type(found).__name__}. "
            f"Convert it to {TOKENIZER_FILE} with `transformers`."
        )
    backend.no_truncation()
    backend.no_padding()
    return backend, found.pad_token_id


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    return read_json(path, DataError, "Restore the file.")
