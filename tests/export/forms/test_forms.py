"""Every form gives what the network gives, by the library that it is meant for."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import xlnas_jax
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.forms import hugging_face, registry
from xlnas_jax.export.forms.registry import (
    FORMS,
    TOLERANCE,
    require_possible,
    sample_texts,
    write_form,
)
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape, Spec
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.types import CheckpointError, ConfigError

pytest.importorskip("torch")
LABELS = {
    "classification": ("bad", "good", "so so"),
    "tagging": ("O", "B-LOC", "I-LOC"),
    "qa": (),
    "retrieval": (),
}
POOLING = {"classification": "cls", "retrieval": "mean"}
WORDS = ("Berlin", "Paris", "the", "river", "of", "many", "old", "people", "ዓለም", "мир")
ROLES = {"source": "en", "target": ["de", "am"]}
LENGTH = 20


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [*sample_texts(["de", "am", "fr"])[:-1], *WORDS]
    return train_tokenizer(texts, 240, LENGTH)


def shape_of(family: str, tokenizer: Tokenizer) -> EncoderShape:
    offset = tokenizer.pad_id + 1 if family == "xlm-roberta" else 0
    return EncoderShape(
        vocab_size=tokenizer.vocab_size,
        width=24,
        num_layers=3,
        num_heads=3,
        head_dim=8,
        ffn=40,
        max_positions=LENGTH + offset,
        num_segments=2 if family == "bert" else 1,
        position_offset=offset,
        pad_id=tokenizer.pad_id,
        norm_epsilon=1e-5,
        family=family,
        spec=Spec(positions=FROM_PADDING) if offset else Spec(),
    )


def network(
    tokenizer: Tokenizer,
    task: str,
    family: str = "xlm-roberta",
    heads: tuple[int, ...] = (3, 1, 2),
    **changes: Any,
) -> Subnet:
    """Layers of different sizes, with weights that are all random and not small."""
    shape = shape_of(family, tokenizer)
    pooling = changes.pop("pooling", POOLING.get(task, "cls"))
    config = SpaceConfig(
        heads=(0, 1, 2, 3),
        ffn=(0, 16, 40),
        min_layers=0,
        pooling=(pooling,),
        **changes,
    )
    space = make_space(config, shape)
    outputs = 2 if task == "qa" else len(LABELS[task])
    head = init_head(
        jax.random.key(1),
        shape,
        outputs,
        reads_tokens=task in ("tagging", "qa"),
        gives_vectors=task == "retrieval",
    )
    params = SupernetParams(init_encoder(jax.random.key(0), shape, space), head)
    rng = np.random.default_rng(2)
    params = jax.tree.map(
        lambda leaf: leaf + rng.normal(0, 0.2, leaf.shape).astype(np.float32), params
    )
    values: dict[str, Any] = {
        "keep": [1, int(heads[1] >= 0), 1],
        "heads": [max(h, 0) for h in heads],
        "ffn": [16, 40, 16],
        "pooling": [pooling],
    }
    for knob in space.knobs:
        values.setdefault(knob.name, [knob.choices[-1]] * knob.sites)
    row = space.canonical(np.asarray(space.from_values(values))[None])[0]
    return Subnet(
        slice_subnet(params, space, row),
        shape,
        pooling,
        LABELS[task],
        tokenizer,
        task=task,
    )


@pytest.mark.parametrize(
    "task, family",
    [
        *((task, "xlm-roberta") for task in LABELS),
        ("classification", "bert"),
        ("retrieval", "bert"),
        ("tagging", "scratch"),
    ],
)
def test_transformers_gives_the_same(tokenizer, tmp_path, task, family) -> None:
    subnet = network(tokenizer, task, family)
    require_possible(subnet, ["hf"])
    apart = write_form(subnet, "hf", tmp_path, ["de", "am"])
    assert 0.0 < apart <= TOLERANCE
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["num_hidden_layers"] == 3 and config["intermediate_size"] == 40
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
        require_possible(network(tokenizer, "qa"), ["onnx"])


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
