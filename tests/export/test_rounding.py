"""Weights in bfloat16: half the bytes, read again as what they were rounded to."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import xlnas_jax
from tests.export.forms.networks import LABELS, ROLES, network
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.artifact.card import Card
from xlnas_jax.export.forms import hugging_face
from xlnas_jax.export.forms.registry import require_possible, write_form
from xlnas_jax.export.rounding import narrowed
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import CheckpointError, ConfigError

TEXTS = ["Paris the river", "of many old people", "the"]
# Of the largest output, what 8 bits of precision may change in a few layers.
CLOSE = 0.05


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([*TEXTS, "Berlin walk by many rivers"] * 3, 60, 20)


def rounded(tokenizer: Tokenizer, task: str, **changes: object) -> Subnet:
    subnet = network(tokenizer, task, **changes)
    subnet.dtype = "bf16"
    return subnet


def in_torch(leaf: np.ndarray) -> np.ndarray:
    """The nearest number of 8 bits of precision, by PyTorch."""
    return torch.tensor(np.asarray(leaf)).to(torch.bfloat16).float().numpy()


def test_a_model_computes_in_float32_with_rounded_weights(
    tokenizer, tmp_path, card: Card
) -> None:
    subnet = rounded(tokenizer, "classification")
    given = {"architecture": {}, "card": card}
    path = save_artifact(tmp_path / "model", subnet, **given)
    loaded = xlnas_jax.load(path)
    assert loaded.dtype == "bf16"
    for one, other in zip(
        jax.tree.leaves(loaded.weights), jax.tree.leaves(subnet.weights), strict=True
    ):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, in_torch(other))
    whole, found = subnet.logits(TEXTS), loaded.logits(TEXTS)
    assert 0 < np.abs(found - whole).max() < CLOSE * np.abs(whole).max()
    assert "Weights are written in `bf16`" in (path / "README.md").read_text()
    # What it was is what is written again; without rounding there is nothing to tell.
    again = save_artifact(tmp_path / "again", loaded, **given)
    text = (again / "README.md").read_text()
    assert "differ by 0.0e+00 at most from those before rounding" in text
    subnet.dtype = "fp32"
    plain = save_artifact(tmp_path / "plain", subnet, **given)
    assert "bf16" not in (plain / "README.md").read_text()
    assert "dtype" not in json.loads((plain / "config.json").read_text())

    def size(model) -> int:
        return sum(
            one.stat().st_size
            for one in (model / "params" / "ocdbt.process_0").rglob("*")
            if one.is_file()
        )

    assert size(path) < 0.75 * size(plain)


@pytest.mark.parametrize("task", list(LABELS))
def test_transformers_reads_the_rounded_weights(tokenizer, tmp_path, task) -> None:
    transformers = pytest.importorskip("transformers")
    subnet = rounded(tokenizer, task)
    largest = max(float(np.abs(one).max()) for one in subnet.logits_of(TEXTS))
    apart = write_form(subnet, "hf", tmp_path, ["de"])
    assert 1e-4 < apart < 2 * CLOSE * largest
    stored = load_file(tmp_path / "hf" / "model.safetensors")
    assert {one.dtype for one in stored.values()} == {torch.bfloat16}
    whole = hugging_face.tensors(subnet, hugging_face.full_sizes(subnet))
    for name, one in whole.items():
        np.testing.assert_array_equal(stored[name].float().numpy(), in_torch(one))
    model = transformers.AutoModel.from_pretrained(tmp_path / "hf")
    assert model.dtype == torch.bfloat16


def test_vectors_of_sentence_transformers_are_near(tokenizer, tmp_path) -> None:
    pytest.importorskip("sentence_transformers")
    subnet = rounded(tokenizer, "retrieval")
    assert write_form(subnet, "sentence-transformers", tmp_path, ["de"]) < CLOSE


def test_a_program_holds_them_and_computes_in_float32(tokenizer, tmp_path) -> None:
    subnet = rounded(tokenizer, "tagging")
    write_form(subnet, "stablehlo", tmp_path / "half", ["de"])
    given = {"architecture": {}, "card": Written("", ROLES)}
    loaded = xlnas_jax.load(save_artifact(tmp_path / "model", subnet, **given))
    loaded.dtype = "fp32"
    assert write_form(loaded, "stablehlo", tmp_path / "whole", ["de"]) <= 1e-5
    sizes = [
        (tmp_path / one / "stablehlo" / "model.stablehlo").stat().st_size
        for one in ("half", "whole")
    ]
    assert sizes[0] < 0.9 * sizes[1]


def test_onnx_runtime_has_no_products_of_them_on_a_cpu(tokenizer) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    kind = TensorProto.BFLOAT16
    names = {name: helper.make_tensor_value_info(name, kind, [2, 2]) for name in "xyz"}
    node = helper.make_node("MatMul", ["x", "y"], ["z"])
    graph = helper.make_graph([node], "g", [names["x"], names["y"]], [names["z"]])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    with pytest.raises(Exception, match=r"NOT_IMPLEMENTED|INVALID_GRAPH|not find an"):
        onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
    for form in ("onnx", "onnx-int8"):
        with pytest.raises(ConfigError, match="its weights are bf16, of which there"):
            require_possible(rounded(tokenizer, "tagging"), [form])


def test_weights_of_another_dtype_than_is_said_are_named(tokenizer, tmp_path) -> None:
    from xlnas_jax.export.params import read_params
    from xlnas_jax.storage.trees import save_tree

    weights = network(tokenizer, "tagging").weights
    save_tree(tmp_path / "params", narrowed(weights, "bf16"))
    with pytest.raises(CheckpointError, match="must be plain float32; got bfloat16"):
        read_params(tmp_path / "params", weights)
    expected = narrowed(weights, "bf16")
    found = read_params(tmp_path / "params", expected)
    assert dataclasses.replace(found, layers=()).sizes == weights.sizes
