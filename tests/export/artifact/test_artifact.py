"""An artifact is written whole or not at all, and reads back to the same bits."""

import json
import os

import jax
import numpy as np
import pytest

from tests.export.conftest import LABELS, MAX_LENGTH
from xlnas_jax.export.artifact import artifact
from xlnas_jax.export.artifact.artifact import Artifact, save_artifact, save_artifacts
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import count_params
from xlnas_jax.files import parse_json
from xlnas_jax.types import CheckpointError

TEXTS = ["old river", "", "many people walk by the city"]


def architecture_of(tiny, row) -> dict:
    return {"id": tiny.space.identifier(row), "architecture": tiny.space.values(row)}


def contents(directory) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("index", [0, 3], ids=["cls", "attentive"])
def test_a_loaded_network_has_the_same_bits(tiny, card, tmp_path, index):
    network = tiny.subnet(tiny.rows[index])

    save_artifact(tmp_path / "model", network, architecture={}, card=card)
    again = load(tmp_path / "model")

    wanted, got = jax.tree.leaves(network.weights), jax.tree.leaves(again.weights)
    assert jax.tree.structure(network.weights) == jax.tree.structure(again.weights)
    for a, b in zip(wanted, got, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    np.testing.assert_array_equal(network.logits(TEXTS), again.logits(TEXTS))
    for name in ("shape", "pooling", "labels", "task", "max_length", "sizes"):
        assert getattr(network, name) == getattr(again, name)


@pytest.mark.parametrize("name", ["subnet", "tagger", "reader"])
def test_a_loaded_network_of_every_kind_predicts_the_same(
    request, card, tmp_path, name
):
    network = request.getfixturevalue(name)
    path = save_artifact(tmp_path / "model", network, architecture={}, card=card)

    again = load(path)

    arguments = (TEXTS[::2], TEXTS[::2]) if name == "reader" else (TEXTS,)
    assert again.predict(*arguments) == network.predict(*arguments)
    kept = ("task", "labels", "own_heads", "doc_stride", "max_answer_tokens")
    is_reader = name == "reader"
    for field in kept if is_reader else kept[:3]:
        assert getattr(again, field) == getattr(network, field)
    config = json.loads((path / "config.json").read_text())
    assert ("doc_stride" in config) == is_reader


def test_an_artifact_holds_the_files_of_the_contract(tiny, subnet, card, tmp_path):
    row = tiny.rows[1]

    path = save_artifact(
        tmp_path / "deep" / "model",
        subnet,
        architecture={
            **architecture_of(tiny, row),
            "costs": {"params": np.int64(count_params(subnet.weights))},
        },
        card=card,
    )

    names = {file.name for file in path.iterdir()}
    assert {"config.json", "architecture.json", "params", "README.md"} <= names
    assert "tokenizer.json" in names
    config = json.loads((path / "config.json").read_text())
    assert config["format"] == 2
    assert config["labels"] == list(LABELS)
    assert config["max_length"] == MAX_LENGTH
    assert config["languages"]["target"] == ["fi", "sw"]
    assert config["layers"] == list(subnet.sizes)
    stored = json.loads((path / "architecture.json").read_text())
    assert stored["architecture"] == tiny.space.values(row)
    assert stored["costs"] == {"params": count_params(subnet.weights)}
    assert os.listdir(tmp_path / "deep") == ["model"], "nothing is left beside it"


def test_an_earlier_artifact_is_replaced_as_a_whole(tiny, card, tmp_path):
    old, new = tiny.subnet(tiny.rows[0]), tiny.subnet(tiny.rows[3])
    path = save_artifact(tmp_path / "model", old, architecture={}, card=card)
    stale = contents(path).keys()

    save_artifact(path, new, architecture={}, card=card)

    assert stale != contents(path).keys(), "files of weights are named by content"
    np.testing.assert_array_equal(load(path).logits(TEXTS), new.logits(TEXTS))
    assert os.listdir(tmp_path) == ["model"]


def test_an_empty_directory_is_used(subnet, card, tmp_path):
    (tmp_path / "model").mkdir()

    save_artifact(tmp_path / "model", subnet, architecture={}, card=card)

    assert load(tmp_path / "model").labels == LABELS


def test_a_directory_with_other_files_is_refused_untouched(subnet, card, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(CheckpointError, match="only an earlier exported model"):
        save_artifact(tmp_path, subnet, architecture={}, card=card)

    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_another_models_config_is_not_taken_for_an_artifact(subnet, card, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')

    with pytest.raises(CheckpointError, match="a directory that is none"):
        save_artifact(tmp_path, subnet, architecture={}, card=card)


def test_a_file_is_refused(subnet, card, tmp_path):
    (tmp_path / "model").write_text("a file")

    with pytest.raises(CheckpointError, match="a file that is none"):
        save_artifact(tmp_path / "model", subnet, architecture={}, card=card)


@pytest.mark.parametrize("broken", ["_write", "put"])
def test_a_failed_export_leaves_the_earlier_one(
    tiny, card, tmp_path, monkeypatch, broken
):
    path = save_artifact(
        tmp_path / "model", tiny.subnet(tiny.rows[0]), architecture={}, card=card
    )
    before = contents(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, broken, full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save_artifact(path, tiny.subnet(tiny.rows[2]), architecture={}, card=card)

    assert contents(path) == before
    assert os.listdir(tmp_path) == ["model"]


def test_the_same_network_gives_the_same_bytes(subnet, card, tmp_path):
    one = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)
    two = save_artifact(tmp_path / "b" / "model", subnet, architecture={}, card=card)

    assert contents(one) == contents(two)
    for content in contents(one).values():
        assert str(tmp_path).encode() not in content


def test_json_never_holds_what_is_no_number(subnet, card, tmp_path):
    architecture = {"objectives": {"error": np.float32("nan"), "size": float("inf")}}

    path = save_artifact(
        tmp_path / "model", subnet, architecture=architecture, card=card
    )

    stored = parse_json((path / "architecture.json").read_text())
    assert stored == {"objectives": {"error": None, "size": None}}


@pytest.mark.parametrize("name", [".git/HEAD", "notes.txt", "params/mine", "README.md"])
def test_a_users_files_are_neither_deleted_nor_replaced(subnet, card, tmp_path, name):
    path = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("mine")
    before = contents(tmp_path)

    with pytest.raises(CheckpointError, match=f"got '{name}', which") as caught:
        save_artifact(path, subnet, architecture={}, card=card)

    assert "move them away" in str(caught.value)
    assert contents(tmp_path) == before


def test_an_empty_folder_of_a_user_is_not_deleted(subnet, card, tmp_path):
    path = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)
    (path / "plots").mkdir()

    with pytest.raises(CheckpointError, match="got 'plots/'"):
        save_artifact(path, subnet, architecture={}, card=card)


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")]
)
def test_a_damaged_model_is_replaced(subnet, card, tmp_path, damage):
    path = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)
    for name in contents(path).keys() - {"manifest.json", "README.md"}:
        damage(path / name)

    save_artifact(path, subnet, architecture={}, card=card)

    assert load(path).predict(TEXTS) == subnet.predict(TEXTS)


def test_a_model_of_an_older_format_is_not_deleted(subnet, card, tmp_path):
    path = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)
    (path / "manifest.json").unlink()
    before = contents(path)

    with pytest.raises(CheckpointError, match="no export of this version wrote"):
        save_artifact(path, subnet, architecture={}, card=card)

    assert contents(path) == before


def test_a_link_is_never_followed(subnet, card, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "model").symlink_to(elsewhere)

    with pytest.raises(CheckpointError, match="got a link"):
        save_artifact(tmp_path / "model", subnet, architecture={}, card=card)

    assert os.listdir(elsewhere) == []


def test_counted_parameters_must_be_those_exported(subnet, card, tmp_path):
    wrong = {"costs": {"params": count_params(subnet.weights) - 1}}

    with pytest.raises(AssertionError, match="counted"):
        save_artifact(tmp_path / "model", subnet, architecture=wrong, card=card)


def test_several_models_are_written_together(subnet, tagger, card, tmp_path):
    several = {"one": Artifact(subnet, {}, card), "two": Artifact(tagger, {}, card)}

    path = save_artifacts(tmp_path / "model", several)

    assert sorted(os.listdir(path)) == ["one", "two"]
    assert os.listdir(tmp_path) == ["model"], "nothing is left beside it"
    for name, made in several.items():
        assert load(path / name).predict(TEXTS) == made.subnet.predict(TEXTS)


def test_one_model_and_several_replace_each_other(subnet, tagger, card, tmp_path):
    several = {"one": Artifact(subnet, {}, card), "two": Artifact(tagger, {}, card)}
    path = save_artifact(tmp_path / "model", subnet, architecture={}, card=card)

    save_artifacts(path, several)
    assert sorted(os.listdir(path)) == ["one", "two"]
    save_artifact(path, tagger, architecture={}, card=card)

    assert load(path).task == "tagging"
    assert "one" not in os.listdir(path)


def test_several_models_with_other_files_among_them_are_kept(subnet, card, tmp_path):
    several = {"one": Artifact(subnet, {}, card)}
    path = save_artifacts(tmp_path / "model", several)
    (path / "thesis.tex").write_text("years of work")

    with pytest.raises(CheckpointError, match=r"got 'thesis\.tex', which"):
        save_artifacts(path, several)
    (path / "thesis.tex").rename(path / "one" / "thesis.tex")
    with pytest.raises(CheckpointError, match=r"got 'one/thesis\.tex', which"):
        save_artifacts(path, several)
    (path / "one" / "thesis.tex").rename(path / "thesis.tex")

    assert (path / "thesis.tex").read_text() == "years of work"
