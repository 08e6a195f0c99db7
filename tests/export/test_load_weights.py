"""Loading names weights that are not those of the network, and allocates none."""

import json
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.export.edits import edit, resign
from tests.fuzz.contract import within
from xlnas_jax.export.artifact.load import load
from xlnas_jax.storage.listing import crc32, list_files
from xlnas_jax.storage.trees import load_tree, save_tree
from xlnas_jax.types import CheckpointError, DamagedError


def rewrite(path, change) -> None:
    """Other weights, listed as if they had been exported."""
    tree = jax.tree.map(change, load_tree(path / "params"))
    shutil.rmtree(path / "params")
    save_tree(path / "params", tree)
    resign(path)


@pytest.mark.parametrize(
    "dtype", ["int8", "int32", "bool", "float16", "bfloat16", "float64", "complex64"]
)
def test_weights_of_another_dtype_are_named(path, dtype):
    rewrite(path, lambda leaf: np.asarray(leaf).astype(np.dtype(dtype)))

    with pytest.raises(CheckpointError, match=f"must be plain float32; got {dtype}"):
        load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(path, value):
    rewrite(path, lambda leaf: np.full_like(leaf, value))

    with pytest.raises(CheckpointError, match="must be a finite number"):
        load(path)


def test_compressed_weights_are_refused(path, tmp_path):
    tree = load_tree(path / "params")
    shutil.rmtree(path / "params")
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "params", tree)
    shutil.copytree(tmp_path / "params", path / "params")
    files = list_files(path / "params", crc32)
    text = json.dumps({"empty": {}, "files": files})
    manifest = {"crc32": crc32([text.encode()]), "content": text}
    (path / "params" / "manifest.json").write_text(json.dumps(manifest))
    resign(path)

    with pytest.raises(CheckpointError, match="got compressed float32"):
        load(path)


def test_weights_that_only_their_own_manifest_lists_are_refused(path):
    (path / "params" / "more").write_text("")
    files = list_files(path / "params", crc32)
    del files["manifest.json"]
    text = json.dumps({"empty": {}, "files": files})
    manifest = {"crc32": crc32([text.encode()]), "content": text}
    (path / "params" / "manifest.json").write_text(json.dumps(manifest))
    resign(path)
    load(path)
    content = json.loads((path / "manifest.json").read_text())
    del content["files"]["params/more"]
    (path / "manifest.json").write_text(json.dumps(content))

    with pytest.raises(CheckpointError, match=r"nothing but the files .* got 'more'"):
        load(path)


def test_files_far_larger_than_the_network_are_not_read(path):
    with (path / "params" / "more").open("wb") as file:
        file.truncate(1 << 40)
    content = json.loads((path / "manifest.json").read_text())
    content["files"]["params/more"] = [1 << 40, ""]
    (path / "manifest.json").write_text(json.dumps(content))

    with within(20), pytest.raises(DamagedError, match="must have about"):
        load(path)


def test_a_huge_network_is_refused_before_anything_is_allocated(path):
    config = json.loads((path / "config.json").read_text())
    edit(path, shape={**config["shape"], "vocab_size": 1 << 24, "width": 1 << 16})

    with within(20), pytest.raises(CheckpointError, match="must have shape"):
        load(path)


def test_weights_of_another_shape_are_named(path):
    config = json.loads((path / "config.json").read_text())
    edit(path, shape={**config["shape"], "vocab_size": 50})

    with pytest.raises(
        CheckpointError, match=r"array embeddings/word must have shape \(50, 32\)"
    ):
        load(path)


def test_weights_of_fewer_layers_are_named(path):
    config = json.loads((path / "config.json").read_text())
    shape = {**config["shape"], "num_layers": 9}
    edit(path, layers=config["layers"] + config["layers"][:1], shape=shape)

    with pytest.raises(CheckpointError, match=r"array layers/\d/.*got none"):
        load(path)


def test_weights_that_the_config_does_not_mention_are_named(path):
    config = json.loads((path / "config.json").read_text())
    edit(path, layers=config["layers"][:-1])

    with pytest.raises(CheckpointError, match=r"alone; got 'layers/\d/"):
        load(path)
