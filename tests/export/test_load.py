"""Loading names what is wrong with an artifact, and needs nothing of the search."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from xlnas_jax.export.artifact import Artifact, save_artifact, save_artifacts
from xlnas_jax.export.load import load
from xlnas_jax.types import CheckpointError


@pytest.fixture
def path(subnet, card, tmp_path):
    return save_artifact(tmp_path / "model", subnet, architecture={}, card=card)


def edit(path, **changes) -> None:
    file = path / "config.json"
    content = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps(content))


def drop(path, name: str) -> None:
    file = path / "config.json"
    content = json.loads(file.read_text())
    del content[name]
    file.write_text(json.dumps(content))


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere: .*got no such directory"):
        load(tmp_path / "nowhere")


def test_a_file_is_no_artifact(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(CheckpointError, match="got a file"):
        load(tmp_path / "file")


def test_a_directory_without_config_is_no_artifact(tmp_path):
    with pytest.raises(CheckpointError, match=r"must hold config\.json"):
        load(tmp_path)


def test_another_librarys_config_is_no_artifact(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')

    with pytest.raises(CheckpointError, match=r"must hold config\.json with kind"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", "\udcff"])
def test_a_damaged_config_is_named(path, text):
    (path / "config.json").write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(CheckpointError, match=r"config\.json: must be a JSON object"):
        load(path)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_format_is_refused(path, version):
    edit(path, format=version)

    with pytest.raises(CheckpointError, match="format must be 1"):
        load(path)


@pytest.mark.parametrize("name", ["labels", "shape", "layers", "pooling", "task"])
def test_a_missing_entry_is_named(path, name):
    drop(path, name)

    with pytest.raises(CheckpointError, match=f"completely; got no '{name}'"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"pooling": "median"}, "pooling 'median'"),
        ({"task": "translation"}, "task 'translation'"),
        ({"max_length": 10_000}, "max_length 10000"),
        ({"layers": [{"heads": 99, "ffn": 8}]}, "a layer of 99 heads"),
        ({"layers": [{"heads": 1}]}, "ffn"),
        ({"shape": {"width": 3}}, "vocab_size"),
        ({"labels": 5}, "int"),
    ],
)
def test_an_impossible_entry_is_named(path, changes, named):
    edit(path, **changes)

    with pytest.raises(CheckpointError, match=rf"config\.json: .*{named}"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": []}, r"labels \[\] for task 'classification'"),
        ({"task": "qa"}, "labels .* for task 'qa'"),
        ({"own_heads": ["en", "eng"]}, "own_heads .*one of them twice"),
        ({"own_heads": ["klingonish"]}, "klingonish"),
        ({"doc_stride": 0}, "doc_stride 0"),
        ({"max_answer_tokens": -1}, "max_answer_tokens -1"),
    ],
)
def test_an_entry_that_does_not_fit_the_task_is_named(path, changes, named):
    edit(path, **changes)

    with pytest.raises(CheckpointError, match=rf"config\.json: .*{named}"):
        load(path)


def test_an_artifact_from_before_there_were_other_tasks_loads(path, subnet):
    drop(path, "own_heads")

    again = load(path)

    assert again.own_heads == ()
    np.testing.assert_array_equal(again.logits(["old"]), subnet.logits(["old"]))


def test_weights_of_languages_that_the_config_lacks_are_named(tagger, card, tmp_path):
    path = save_artifact(tmp_path / "tagger", tagger, architecture={}, card=card)
    edit(path, own_heads=["en"])

    with pytest.raises(CheckpointError, match="array head/language/kernel must have"):
        load(path)


def test_a_directory_of_several_models_lists_them(subnet, tagger, card, tmp_path):
    several = {"b": Artifact(subnet, {}, card), "a": Artifact(tagger, {}, card)}
    path = save_artifacts(tmp_path / "model", several)

    with pytest.raises(CheckpointError, match="got one for each") as caught:
        load(path)

    assert f"{path / 'a'}, {path / 'b'}." in str(caught.value)
    assert load(path / "a").task == "tagging"


def test_missing_weights_are_named(path):
    shutil.rmtree(path / "params")

    with pytest.raises(CheckpointError, match=r"weights in params/"):
        load(path)


def test_damaged_weights_are_refused(path):
    files = [f for f in (path / "params").rglob("*") if f.is_file()]
    for file in files:
        file.write_bytes(b"")

    with pytest.raises(CheckpointError, match="params"):
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
    edit(path, layers=config["layers"] + config["layers"][:1])

    with pytest.raises(CheckpointError, match=r"array layers/\d/.*got none"):
        load(path)


def test_weights_that_the_config_does_not_mention_are_named(path):
    config = json.loads((path / "config.json").read_text())
    edit(path, layers=config["layers"][:-1])

    with pytest.raises(CheckpointError, match=r"alone; got layers/\d/"):
        load(path)


def test_a_missing_tokenizer_is_named(path):
    for file in path.glob("*tokenizer*"):
        file.unlink()

    with pytest.raises(CheckpointError, match="tokenizer"):
        load(path)


def test_a_tokenizer_of_another_length_is_refused(path):
    edit(path, max_length=12)

    with pytest.raises(CheckpointError, match="must keep 12 tokens"):
        load(path)


LOAD_ALONE = """
import sys
import xlnas_jax
assert "jax" not in sys.modules, "import xlnas_jax must not import jax"
model = xlnas_jax.load(sys.argv[1])
print(model.predict(["old river"])[0].label)
names = ("search", "controllers", "evaluate", "experiment", "pareto")
unwanted = {f"xlnas_jax.{name}" for name in names} | {"torch", "transformers"}
print(sorted(unwanted & sys.modules.keys()))
"""


def test_loading_imports_nothing_of_the_search(path, subnet):
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )

    label, unwanted = done.stdout.splitlines()
    assert label == subnet.predict("old river")[0].label
    assert unwanted == "[]"
