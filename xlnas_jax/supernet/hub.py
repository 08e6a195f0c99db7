"""Models of the Hugging Face hub, and of its local cache: only what is read."""

import pathlib

from xlnas_jax.supernet.names import CONFIG, INDEX, WEIGHTS

# Until the hub answers at all; what it then delivers may take as long as it takes.
ANSWER_SECONDS = 10.0
# Never `*.bin`, never code.
_FILES = (
    CONFIG,
    "model*.safetensors",
    INDEX,
    "tokenizer*",
    "vocab.*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece*",
    "spiece.model",
    # Of networks that translate; and where a model says its licence.
    "source.spm",
    "target.spm",
    "generation_config.json",
    "README.md",
)


def download(name: str, revision: str = "") -> pathlib.Path:
    """The directory of a model, downloaded where it is not in the cache."""
    from huggingface_hub import snapshot_download

    return pathlib.Path(
        snapshot_download(name, revision=revision or None, allow_patterns=list(_FILES))
    )


def cached(name: str) -> pathlib.Path | None:
    """What an earlier download left of a model, if it is all there."""
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            name, allow_patterns=list(_FILES), local_files_only=True
        )
    except (OSError, ValueError):
        return None
    folder = pathlib.Path(found)
    has_weights = any((folder / one).is_file() for one in (WEIGHTS, INDEX))
    return folder if has_weights and (folder / CONFIG).is_file() else None


def require_answer(name: str) -> None:
    """An error of the hub's where it does not answer soon; a download would wait."""
    from huggingface_hub import HfApi

    HfApi().model_info(name, timeout=ANSWER_SECONDS)


def reason_of(error: Exception) -> str:
    """What an error of the hub's or of its HTTP client says, in one line."""
    text = " ".join(str(error).split()).rstrip(".") or "no reason given"
    return f"{type(error).__name__}: {text}"
