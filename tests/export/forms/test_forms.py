"""Every form gives what the network gives, by the library that it is meant for."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import xlnas_jax
from tests.export.forms.networks import GROUPED, LABELS, LENGTH, ROLES, network
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.forms import hugging_face, registry
from xlnas_jax.export.forms.registry import (
    FORMS,
    TOLERANCE,
    require_possible,
    write_form,
)
from xlnas_jax.supernet.families.registry import of_layers
from xlnas_jax.types import CheckpointError, ConfigError

pytest.importorskip("torch")


@pytest.mark.parametrize(
    "task, family",
    [
        *((task, "xlm-roberta") for task in LABELS),
        ("classification", "bert"),
        ("retrieval", "bert"),
        ("tagging", "scratch"),
        ("classification", "distilbert"),
        ("classification", "xlm-roberta-xl"),
        ("classification", "modernbert"),
        ("classification", "gte"),
        ("classification", "deberta-v2"),
        ("tagging", "deberta-v2"),
        ("qa", "deberta-v2"),
    ],
)
def test_transformers_gives_the_same(tokenizer, tmp_path, task, family) -> None:
    subnet = network(tokenizer, task, family)
    require_possible(subnet, ["hf"])
    apart = write_form(subnet, "hf", tmp_path, ["de", "am"])
    assert 0.0 < apart <= TOLERANCE
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    key = of_layers(family).key
    assert config[key("num_hidden_layers")] == 3
    assert config[key("intermediate_size")] == 40
    outputs = [np.abs(one).max() for one in subnet.logits_of(["Paris", "ዓለም"])]
    assert min(outputs) > 0.1


def test_updates_of_low_rank_are_merged(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "tagging", lora=(0, 2))
    assert write_form(subnet, "hf", tmp_path, ["de", "am"]) <= TOLERANCE
    plain = network(tokenizer, "tagging")
    apart = [
        np.abs(one - other).max()
        for one, other in zip(
            subnet.logits_of(["Paris"]), plain.logits_of(["Paris"]), strict=True
        )
    ]
    assert min(apart) > 1e-2


def test_a_dropped_layer_is_not_written(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "tagging", heads=(3, -1, 2))
    write_form(subnet, "hf", tmp_path, ["de"])
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["num_hidden_layers"] == 2 and config["intermediate_size"] == 16


@pytest.mark.parametrize("task", ["classification", "tagging", "retrieval"])
def test_groups_of_heads_are_written(tokenizer, tmp_path, task) -> None:
    subnet = network(tokenizer, task, "eurobert", **GROUPED)
    assert 0.0 < write_form(subnet, "hf", tmp_path, ["de", "am"]) <= TOLERANCE
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["num_key_value_heads"] == 2 and config["num_attention_heads"] == 4


@pytest.mark.parametrize("family", ["modernbert", "eurobert"])
def test_what_only_some_families_have_is_kept(tokenizer, tmp_path, family) -> None:
    sizes = GROUPED if family == "eurobert" else {}
    subnet = network(tokenizer, "retrieval", family, **sizes)
    given = {"architecture": {}, "card": Written("", ROLES)}
    save_artifact(tmp_path / "model", subnet, **given)
    loaded = xlnas_jax.load(tmp_path / "model")
    assert loaded.shape == subnet.shape and loaded.shape.theta > 1
    texts = ["Paris the river", "мир"]
    np.testing.assert_array_equal(loaded.vectors(texts), subnet.vectors(texts))


def test_halves_without_a_norm_behind_them_are_written_as_zeros(
    tokenizer, tmp_path
) -> None:
    subnet = network(tokenizer, "tagging", "xlm-roberta-xl", heads=(3, 0, 2))
    assert write_form(subnet, "hf", tmp_path, ["de", "am"]) <= TOLERANCE
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["num_hidden_layers"] == 3


def test_a_layer_of_zeros_stands_where_the_first_is_not_kept(
    tokenizer, tmp_path
) -> None:
    changes = {"values": {"keep": [0, 1, 1]}, "pooling": "mean"}
    subnet = network(tokenizer, "retrieval", "modernbert", **changes)
    assert write_form(subnet, "hf", tmp_path, ["de", "am"]) <= TOLERANCE
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    kinds = ["full_attention", "sliding_attention", "full_attention"]
    assert config["layer_types"] == kinds
    for task in ("tagging", "qa"):
        with pytest.raises(ConfigError, match=f"has no class for {task} whose output"):
            require_possible(network(tokenizer, task, "modernbert"), ["hf"])


def test_labels_come_back_by_name(tokenizer, tmp_path) -> None:
    transformers = pytest.importorskip("transformers")
    subnet = network(tokenizer, "classification")
    hugging_face.write(subnet, tmp_path / "hf")
    call = transformers.pipeline("text-classification", model=str(tmp_path / "hf"))
    for text in ("Paris the river", "мир"):
        ours = subnet.predict(text)[0]
        (theirs,) = call([text])
        assert theirs["label"] == ours.label
        assert theirs["score"] == pytest.approx(ours.probability, abs=1e-4)


@pytest.mark.parametrize(
    "pooling",
    ["mean", *(pytest.param(one, marks=pytest.mark.slow) for one in ("cls", "max"))],
)
def test_sentence_transformers_gives_the_same(tokenizer, tmp_path, pooling) -> None:
    library = pytest.importorskip("sentence_transformers")
    prefixed = dataclasses.replace(tokenizer, prefix="the ")
    subnet = network(prefixed, "retrieval", pooling=pooling)
    apart = write_form(subnet, "sentence-transformers", tmp_path, ["de", "am"])
    assert apart <= TOLERANCE
    model = library.SentenceTransformer(str(tmp_path / "sentence-transformers"))
    texts = ["Paris", "old people of many", "世界"]
    found = model.encode(texts)
    np.testing.assert_allclose(found, subnet.vectors(texts), atol=1e-5)
    assert model.max_seq_length == LENGTH
    likeness = np.asarray(model.similarity(found[:1], found))
    np.testing.assert_allclose(likeness[0, 0], 1.0, rtol=1e-5)


def test_a_form_that_says_something_else_is_not_left(
    tokenizer, tmp_path, monkeypatch
) -> None:
    subnet = network(tokenizer, "tagging")
    real = hugging_face.tensors

    def wrong(subnet, sizes):
        found = real(subnet, sizes)
        name = next(name for name in found if "intermediate" in name)
        return {**found, name: found[name] + 0.1}

    monkeypatch.setattr(hugging_face, "tensors", wrong)
    with pytest.raises(CheckpointError, match="transformers gives others"):
        write_form(subnet, "hf", tmp_path, ["de"])
    given = {"architecture": {}, "card": Written("", ROLES)}
    with pytest.raises(CheckpointError):
        save_artifact(tmp_path / "model", subnet, **given, forms=("hf",))
    assert not (tmp_path / "model").exists()


def test_what_a_class_cannot_hold_is_refused(tokenizer) -> None:
    for subnet, reason in (
        (network(tokenizer, "tagging", heads=(3, 0, 2)), "lacks one of its halves"),
        (network(tokenizer, "classification", pooling="mean"), "mean pooling here"),
        (network(tokenizer, "retrieval", adapter=(0, 4)), "more than attention"),
    ):
        with pytest.raises(ConfigError, match=reason):
            require_possible(subnet, ["hf"])
    with pytest.raises(ConfigError, match="gives no vectors"):
        require_possible(network(tokenizer, "qa"), ["sentence-transformers"])
    with pytest.raises(ConfigError, match="must be flax, hf or"):
        require_possible(network(tokenizer, "qa"), ["gguf"])


def test_what_proves_it_must_be_installed(tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(registry, "_is_there", lambda name: name != "torch")
    with pytest.raises(
        ConfigError, match=r"takes torch. pip install 'xlnas-jax\[hf\]'"
    ):
        require_possible(network(tokenizer, "qa"), ["hf"])


@pytest.mark.slow
def test_a_model_with_forms_loads_as_one_without(tokenizer, tmp_path: Path) -> None:
    subnet = network(tokenizer, "retrieval")
    given = {"architecture": {}, "card": Written("", ROLES)}
    path = save_artifact(tmp_path / "model", subnet, **given, forms=tuple(FORMS))
    assert {one.name for one in path.iterdir()} > {*FORMS}
    texts = ["Paris", "мир"]
    loaded = xlnas_jax.load(path)
    np.testing.assert_array_equal(loaded.vectors(texts), subnet.vectors(texts))
    # They are of other libraries: ours reads none of their files.
    (path / "hf" / "model.safetensors").write_bytes(b"")
    np.testing.assert_array_equal(
        xlnas_jax.load(path).vectors(texts), loaded.vectors(texts)
    )
    save_artifact(tmp_path / "again", subnet, **given)
    assert not any((tmp_path / "again" / name).exists() for name in FORMS)
