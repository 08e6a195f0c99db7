"""From an artifact back to a network; nothing of the search is needed."""

from pathlib import Path

from xlnas_jax.checkpoint import load_tree
from xlnas_jax.data.tokens import Tokenizer
from xlnas_jax.export.manifest import FILE, Manifest, artifacts_in, read_manifest
from xlnas_jax.export.params import SubnetParams, abstract_params, params_from_tree
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.files import located
from xlnas_jax.types import CheckpointError, DataError


def load(directory: str | Path) -> Subnet:
    """Reads an exported model.

    Raises:
        CheckpointError: there is none, or its parts do not fit together.

    Example:
        >>> import xlnas_jax
        >>> model = xlnas_jax.load("runs/quickstart/export")  # doctest: +SKIP
        >>> model.predict(["Helsinki"])[0].label  # doctest: +SKIP
        'territory'
    """
    directory = Path(directory).expanduser()
    if not directory.is_dir():
        raise CheckpointError(
            f"{located(directory)}: must be the directory of an exported model; got "
            f"{'a file' if directory.exists() else 'no such directory'}. Check the "
            f"path, or export a model with `xlnas export`."
        )
    _require_one(directory)
    manifest = read_manifest(directory)
    return Subnet(
        _read_params(directory, manifest),
        shape=manifest.shape,
        pooling=manifest.pooling,
        labels=manifest.labels,
        tokenizer=_read_tokenizer(directory, manifest),
        task=manifest.task,
        own_heads=manifest.own_heads,
        doc_stride=manifest.doc_stride,
        max_answer_tokens=manifest.max_answer_tokens,
    )


def _require_one(directory: Path) -> None:
    """An error where a search over several tasks wrote one model for each."""
    names = artifacts_in(directory)
    if names and not (directory / FILE).is_file():
        raise CheckpointError(
            f"{directory}: must be one exported model; got one for each of several "
            f"tasks. Give one of {', '.join(str(directory / name) for name in names)}."
        )


def _read_params(directory: Path, manifest: Manifest) -> SubnetParams:
    folder = directory / "params"
    if not folder.is_dir():
        raise CheckpointError(
            f"{directory}: an exported model must hold its weights in params/; got no "
            f"such directory. Copy the whole directory, or export the model again."
        )
    expected = abstract_params(
        manifest.shape, manifest.layers, manifest.head, manifest.pooling
    )
    return params_from_tree(load_tree(folder), expected, str(folder))


def _read_tokenizer(directory: Path, manifest: Manifest) -> Tokenizer:
    try:
        tokenizer = Tokenizer.load(directory)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    limits = (manifest.max_length, manifest.shape.vocab_size)
    if tokenizer.max_length != limits[0] or tokenizer.vocab_size > limits[1]:
        raise CheckpointError(
            f"{directory}: the tokenizer must keep {limits[0]} tokens and have at "
            f"most {limits[1]} ids, as config.json says; got {tokenizer.max_length} "
            f"and {tokenizer.vocab_size}. Restore the tokenizer's files, or export "
            f"the model again."
        )
    return tokenizer
