"""ONNX Runtime gives what the network gives, at the sizes that the layers have."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.export.forms.networks import GROUPED, network
from xlnas_jax.export.forms import onnx as onnx_form
from xlnas_jax.export.forms import onnx_int8
from xlnas_jax.export.forms.registry import TOLERANCE, require_possible, write_form
from xlnas_jax.export.params import count_params
from xlnas_jax.types import ConfigError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
LANGUAGES = ["de", "am"]
# What ONNX rounds otherwise, of outputs of about 1.
CLOSE = 2e-5
# What a layer may have beside heads and neurons, some of them with a narrow window.
ALL = {
    "adapter": (0, 4),
    "lora": (0, 2),
    "prefix": (0, 3),
    "window": (2, 20),
    "values": {"window": [2, 20, 2]},
}


def graph_of(folder: Path, file: str = onnx_form.FILE):
    return onnx.load_model(folder / onnx_form.FOLDER / file)


@pytest.mark.parametrize(
    "task, family, changes",
    [
        ("classification", "xlm-roberta", {"pooling": "attentive"}),
        ("tagging", "xlm-roberta", ALL),
        ("qa", "bert", {"heads": (3, 0, 2)}),
        ("retrieval", "bert", {}),
        ("classification", "distilbert", {}),
        ("retrieval", "xlm-roberta-xl", {"heads": (3, 0, 2)}),
        ("tagging", "eurobert", GROUPED),
        ("retrieval", "gte", {"window": (2, 20), "values": {"window": [2, 20, 2]}}),
        ("classification", "modernbert", {"heads": (3, 0, 2), "pooling": "mean"}),
        ("tagging", "deberta-v2", {"lora": (0, 2), "prefix": (0, 3)}),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (
                ("classification", "xlm-roberta", {}),
                ("classification", "bert", {"pooling": "max"}),
                ("tagging", "scratch", {"heads": (3, -1, 2)}),
                ("retrieval", "xlm-roberta", {}),
            )
        ),
    ],
)
def test_every_part_computes_the_same(tokenizer, tmp_path, task, family, changes):
    subnet = network(tokenizer, task, family, **changes)
    require_possible(subnet, ["onnx"])
    apart = write_form(subnet, "onnx", tmp_path, LANGUAGES)
    assert 0.0 < apart <= min(CLOSE, TOLERANCE)
    outputs = [np.abs(one).max() for one in subnet.logits_of(["Paris", "ዓለም"])]
    assert min(outputs) > 0.1


def test_a_window_changes_what_is_computed(tokenizer) -> None:
    wide = network(tokenizer, "tagging", window=(2, 20))
    narrow = network(tokenizer, "tagging", window=(2, 20), values={"window": [2, 2, 2]})
    text = ["the river of many old people"]
    assert np.abs(wide.logits_of(text)[0] - narrow.logits_of(text)[0]).max() > 1e-2


def test_nothing_is_padded(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "tagging", heads=(3, 1, 2))
    onnx_form.write(subnet, tmp_path / "onnx")
    weights = {
        one.name: onnx.numpy_helper.to_array(one)
        for one in graph_of(tmp_path / "onnx").graph.initializer
    }
    floats = [one for one in weights.values() if one.dtype == np.float32]
    # The segment's row is in the position table; constants are a handful of numbers.
    expected = count_params(subnet.weights) - subnet.shape.width
    assert expected <= sum(one.size for one in floats) <= expected + 10
    widths = [one.shape[1] for name, one in weights.items() if "query.kernel" in name]
    assert widths == [24, 8, 16]


def test_folder_is_laid_out_as_libraries_expect(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "retrieval", "bert")
    onnx_form.write(subnet, tmp_path / "onnx")
    config = json.loads((tmp_path / "onnx" / "config.json").read_text())
    assert config["model_type"] == "bert" and config["architectures"] == ["BertModel"]
    assert (tmp_path / "onnx" / "tokenizer.json").exists()
    assert (tmp_path / "onnx" / "modules.json").exists()
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "onnx" / "model.onnx")
    taken = {one.name: one.shape for one in session.get_inputs()}
    dynamic = ["batch_size", "sequence_length"]
    names = ["input_ids", "attention_mask", "token_type_ids"]
    assert taken == dict.fromkeys(names, dynamic)
    given = {one.name: one.shape for one in session.get_outputs()}
    assert given == {
        "last_hidden_state": [*dynamic, 24],
        "sentence_embedding": ["batch_size", 24],
    }


def test_padding_is_never_looked_at(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "classification", pooling="mean")
    onnx_form.write(subnet, tmp_path / "onnx")
    texts = ["Paris", "the river of many old people"]
    alone = onnx_form.FORM.run(tmp_path / "onnx", subnet, texts, 1)
    together = onnx_form.FORM.run(tmp_path / "onnx", subnet, texts, 2)
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_weights_in_8_bits_are_near(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "classification", "bert")
    apart = write_form(subnet, "onnx-int8", tmp_path, LANGUAGES)
    assert apart > TOLERANCE  # They are not the same: the card says by how much.
    graph = graph_of(tmp_path / "onnx-int8", onnx_int8.FILE).graph
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    (words,) = (a for n, a in arrays.items() if n.startswith("word"))
    (scale,) = (a for n, a in arrays.items() if n.startswith("scale"))
    table = np.asarray(subnet.weights.embeddings.word)
    assert words.dtype == np.int8 and scale.shape == (len(table), 1)
    # By the definition of rounding; the little that is more is float32's own.
    assert np.all(np.abs(words * scale - table) <= scale * 0.5001)
    kinds = [node.op_type for node in graph.node]
    # Six products in each of three layers; scores and contexts have no weights.
    assert kinds.count("MatMulInteger") == 18
    left = [n.input[1] for n in graph.node if n.op_type == "MatMul"]
    assert sum(name.startswith("head.") for name in left) == 2
    sizes = {
        name: (tmp_path / folder / "onnx" / name).stat().st_size
        for folder, name in (("onnx-int8", onnx_int8.FILE), ("onnx", onnx_form.FILE))
        if folder != "onnx" or onnx_form.write(subnet, tmp_path / "onnx") is None
    }
    assert sizes[onnx_int8.FILE] < sizes[onnx_form.FILE]


def test_what_has_no_nodes_is_refused(tokenizer, monkeypatch) -> None:
    from xlnas_jax.export.onnx_graph import stages

    subnet = network(tokenizer, "qa", adapter=(0, 4))
    known = {name: one for name, one in stages.STAGES.items() if name != "adapter"}
    monkeypatch.setattr(stages, "STAGES", known)
    with pytest.raises(ConfigError, match="layer 1 has adapter, which has no nodes"):
        require_possible(subnet, ["onnx"])
