"""From an artifact back to a network; nothing of the search is needed."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from xlnas_jax.data.tokens.tokenizer import FILES, Tokenizer, require_ids_within
from xlnas_jax.export.artifact.contents import (
    LIST,
    artifacts_in,
    read_contents,
    require_contents,
)
from xlnas_jax.export.artifact.hub import find
from xlnas_jax.export.artifact.manifest import (
    CENTERS,
    FILE,
    WORDS,
    Manifest,
    read_manifest,
)
from xlnas_jax.export.centers import Centers
from xlnas_jax.export.forms.base import Call
from xlnas_jax.export.forms.registry import own_files, require_open
from xlnas_jax.export.params import (
    SubnetParams,
    abstract_params,
    count_params,
    read_params,
)
from xlnas_jax.export.rounding import DTYPES
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.files import located
from xlnas_jax.space.words import WordRows
from xlnas_jax.storage.listing import Entries, damaged, require_nothing_else
from xlnas_jax.storage.stored import Stored
from xlnas_jax.storage.trees import load_tree
from xlnas_jax.types import CheckpointError, DataError, brief

FOLDER = "params/"
# What the files of weights have beside them: names and shapes.
SLACK = 1 << 24


def load(directory: str | Path, revision: str = "") -> Subnet:
    """Reads an exported model.

    Every file that an export wrote is held against its checksum before it is read, all
    but the model card, which may be edited. Whatever the weights are written in, they
    compute in float32.

    Args:
        directory: of the model; or `organisation/name` of one that was uploaded to the
            Hugging Face hub, where there is no such directory.
        revision: branch, tag or commit of a model of the hub.

    Raises:
        CheckpointError: there is none, or its parts do not fit together.

    Examples:
        >>> import xlnas_jax
        >>> model = xlnas_jax.load("run/model")
        >>> model.predict(["Helsinki"])[0].label in model.labels
        True
    """
    directory = find(directory, revision)
    if not directory.is_dir():
        raise CheckpointError(
            f"{located(directory)}: must be the directory of an exported model; got "
            f"{'a file' if directory.exists() else 'no such directory'}. Check the "
            f"path, or export a model with `xlnas export`."
        )
    _require_one(directory)
    entries = read_contents(directory)
    require_contents(directory, entries, (FILE, *FILES))
    manifest = _with_words(directory, read_manifest(directory), entries)
    return Subnet(
        _read_params(directory, manifest, entries),
        shape=manifest.shape,
        pooling=manifest.pooling,
        labels=manifest.labels,
        tokenizer=_read_tokenizer(directory, manifest),
        task=manifest.task,
        own_heads=manifest.own_heads,
        doc_stride=manifest.doc_stride,
        max_answer_tokens=manifest.max_answer_tokens,
        centers=_read_centers(directory, manifest),
        dtype=manifest.dtype,
    )


def _with_words(directory: Path, manifest: Manifest, entries: Entries) -> Manifest:
    """With the rows of the word table that pieces have, where they share some."""
    if manifest.word_share is None:
        return manifest
    shape, folder = manifest.shape, directory / WORDS
    ours = [name for name in entries if name.startswith(f"{WORDS}/")]
    require_contents(directory, entries, ours)
    what = (
        f"{WORDS}/ must hold a row of the table for each of {shape.vocab_size} pieces"
    )

    def require(stored: Mapping[str, Stored]) -> None:
        found = {name: (one.shape, one.dtype) for name, one in stored.items()}
        if found != {"rows": ((shape.vocab_size,), np.int32)}:
            raise damaged(directory, f"{what}; got {brief(found)}")

    rows = load_tree(folder, require)["rows"]
    try:
        words = WordRows.of_one(manifest.word_share, rows)
    except ValueError as error:
        raise damaged(directory, f"{what}; got others: {error}") from error
    shape = dataclasses.replace(shape, words=words)
    return dataclasses.replace(manifest, shape=shape)


def _read_centers(directory: Path, manifest: Manifest) -> Centers | None:
    """Means of languages, whose files `_read_params` has held against their sums."""
    if not manifest.centers:
        return None
    shape = len(manifest.centers), manifest.shape.width
    found = load_tree(directory / CENTERS)
    means = found.get("means", np.zeros(0))
    is_alone = list(found) == ["means"]
    is_such = (means.shape, means.dtype) == (shape, np.float32)
    if not (is_alone and is_such and np.isfinite(means).all()):
        raise damaged(
            directory, f"{CENTERS}/ must hold finite means of the shape {shape} alone"
        )
    return Centers(manifest.centers, means, manifest.source)


def load_form(directory: str | Path, subnet: Subnet, name: str) -> Call:
    """A form beside an exported model, as the library it is meant for runs it.

    Raises:
        CheckpointError: it was not written there, or is not as it was written.
        ConfigError: it cannot be run on arrays, or the library is not installed.
    """
    open_form = require_open(name)
    directory = Path(directory).expanduser()
    entries = read_contents(directory)
    files = [one for one in entries if one.startswith(f"{name}/")]
    if not files:
        raise CheckpointError(
            f"{directory}: must hold the form {name}; got none. Export the model with "
            f"--formats {name}."
        )
    require_contents(directory, entries, files)
    return open_form(directory / name, subnet)


def _require_one(directory: Path) -> None:
    """An error where a search over several tasks wrote one model for each."""
    names = artifacts_in(directory)
    if names and not any((directory / name).exists() for name in (FILE, LIST)):
        raise CheckpointError(
            f"{directory}: must be one exported model; got one for each of several "
            f"tasks. Give one of {', '.join(str(directory / name) for name in names)}."
        )


def _read_params(directory: Path, manifest: Manifest, entries: Entries) -> SubnetParams:
    expected = abstract_params(
        manifest.shape, manifest.layers, manifest.head, manifest.pooling
    )
    held = sum(one.size for name, one in entries.items() if name.startswith(FOLDER))
    dtype = DTYPES[manifest.dtype]
    expected = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), expected
    )
    needed = dtype.itemsize * count_params(expected)
    if held > needed + SLACK:
        raise damaged(
            directory,
            f"{FOLDER} must have about {needed:,} bytes, as {FILE} says; got {held:,}",
        )
    require_contents(directory, entries, own_files(entries))
    ours = [name.removeprefix(FOLDER) for name in entries if name.startswith(FOLDER)]
    require_nothing_else(directory / FOLDER, ours)
    return read_params(directory / FOLDER, expected)


def _read_tokenizer(directory: Path, manifest: Manifest) -> Tokenizer:
    shape = manifest.shape
    try:
        tokenizer = Tokenizer.load(directory)
        sizes = shape.vocab_size, shape.num_segments
        require_ids_within(tokenizer, *sizes, str(directory))
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if tokenizer.max_length != manifest.max_length:
        raise CheckpointError(
            f"{directory}: the tokenizer must keep {manifest.max_length} tokens, as "
            f"config.json says; got {tokenizer.max_length}. Restore the tokenizer's "
            f"files, or export the model again."
        )
    return tokenizer
