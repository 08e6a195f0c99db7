"""What is wrong with a checkpoint's files is named, with what to do about it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from xlnas_jax.supernet.pretrained import load_encoder, read_shape
from xlnas_jax.types import CheckpointError

QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def load(save_tiny, checkpoint):
    """Saves a BERT and returns what loads it, after a test has damaged it."""
    save_tiny("bert", "Model")
    return lambda: load_encoder(checkpoint, read_shape(checkpoint))


@pytest.fixture
def weights(load, checkpoint):
    """The file with all tensors."""
    return checkpoint / "model.safetensors"


def test_missing_tensor_is_named(load, weights):
    tensors = load_file(weights)
    del tensors[QUERY]
    save_file(tensors, weights)

    with pytest.raises(CheckpointError, match=f"'{QUERY}' must be there"):
        load()


def test_wrong_shape_is_named_with_both_shapes(load, weights):
    # As many elements as there should be: only the shape tells.
    save_file(load_file(weights) | {QUERY: torch.zeros(12, 48)}, weights)

    with pytest.raises(CheckpointError, match=rf"{QUERY}.*\(24, 24\).*\(12, 48\)"):
        load()


def test_quantised_tensor_is_refused(load, weights):
    tensor = torch.zeros(24, 24, dtype=torch.int8)
    save_file(load_file(weights) | {QUERY: tensor}, weights)

    with pytest.raises(CheckpointError, match=rf"{QUERY}.*F32.*found I8"):
        load()


def test_git_lfs_pointer_is_refused(load, weights):
    weights.write_text("version https://git-lfs.github.com/spec/v1\n")

    with pytest.raises(CheckpointError, match="Git LFS pointer"):
        load()


def test_truncated_file_is_refused(load, weights):
    weights.write_bytes(weights.read_bytes()[:-100])

    with pytest.raises(CheckpointError, match="readable safetensors"):
        load()


def test_pickle_is_refused_with_the_reason(load, weights, checkpoint):
    weights.rename(checkpoint / "pytorch_model.bin")

    with pytest.raises(CheckpointError, match="runs whatever code it holds"):
        load()


def test_directory_without_weights_is_refused(load, weights):
    weights.unlink()

    with pytest.raises(CheckpointError, match=r"must hold model\.safetensors"):
        load()


def test_two_encoders_in_one_checkpoint_are_refused(load, weights):
    tensors = load_file(weights)
    second = {f"decoder.{name}": part.clone() for name, part in tensors.items()}
    save_file(tensors | second, weights)

    with pytest.raises(CheckpointError, match="found 2 such"):
        load()


def test_missing_shard_is_named(load, weights, save_tiny, checkpoint):
    weights.unlink()
    save_tiny("bert", "Model", shard="20KB")
    shard = min(checkpoint.glob("model-*.safetensors"))
    shard.unlink()

    with pytest.raises(CheckpointError, match=f"missing {shard.name}"):
        load()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_broken_index_is_refused(text, load, weights, checkpoint):
    weights.unlink()
    (checkpoint / "model.safetensors.index.json").write_text(text)

    with pytest.raises(CheckpointError, match=r"weight_map|a JSON object"):
        load()


@pytest.mark.parametrize("name", ["../model.safetensors", "/tmp/model.safetensors"])
def test_shards_lie_beside_their_index(name, load, weights, checkpoint):
    weights.rename(checkpoint.parent / "model.safetensors")
    index = checkpoint / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {QUERY: name}}))

    with pytest.raises(CheckpointError, match="every shard must lie beside it"):
        load()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300])
def test_weights_that_are_not_finite_are_named(value, dtype, load, weights):
    tensor = torch.zeros(24, 24, dtype=dtype)
    tensor[3, 5] = torch.tensor(value, dtype=torch.float64).to(dtype)
    save_file(load_file(weights) | {QUERY: tensor}, weights)

    with pytest.raises(CheckpointError, match=f"{QUERY}.*got 1 that are not"):
        load()
