"""Loading names what is wrong with an artifact, and needs nothing of the search."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.export.conftest import LABELS
from tests.export.edits import drop, edit, resign
from tests.fuzz.contract import within
from xlnas_jax.export.artifact.artifact import Artifact, save_artifact, save_artifacts
from xlnas_jax.export.artifact.load import load
from xlnas_jax.types import CheckpointError, DamagedError


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


@pytest.mark.parametrize(
    "text", ["{", "[1]", "\udcff", "[" * 100_000, '{"a": NaN}', '{"a": "\\ud800"}']
)
def test_a_damaged_config_is_named(path, text):
    (path / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    resign(path)

    with pytest.raises(CheckpointError, match=r"config\.json.*(JSON object|UTF-8)"):
        load(path)


@pytest.mark.parametrize("version", [0, 1, None, "2", 2.0, True])
def test_another_format_is_refused(path, version):
    edit(path, format=version)

    with pytest.raises(CheckpointError, match=r"config\.json: format must be 2"):
        load(path)


def test_a_model_of_the_first_format_is_to_be_exported_again(path):
    edit(path, format=1)
    (path / "manifest.json").unlink()

    with pytest.raises(
        CheckpointError, match=r"format must be 2; got 1.*export it again"
    ):
        load(path)


@pytest.mark.parametrize("version", [0, 3, None, "2", True])
def test_a_list_of_files_of_another_format_is_refused(path, version):
    file = path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": version}))

    with pytest.raises(CheckpointError, match=r"manifest\.json: format must be 2"):
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
        ({"layers": [{"heads": 1.0, "ffn": 8}]}, r"layers\[0\]\.heads 1\.0"),
        ({"layers": [{"heads": True, "ffn": 8}]}, r"layers\[0\]\.heads True"),
        ({"layers": [{"heads": 1, "ffn": 8}] * 4}, "4 layers of 3"),
        ({"layers": {"heads": 1, "ffn": 8}}, "layers .*no list"),
        ({"layers": [3]}, r"layers\[0\]"),
        ({"shape": {"width": 3}}, r"no 'shape\.family'"),
        ({"shape": 3}, "shape"),
        ({"labels": 5}, "labels 5"),
        ({"labels": "abc"}, "labels 'abc'"),
        ({"labels": [1, 2, 3]}, "labels"),
        ({"labels": [None, "b", "c"]}, "labels"),
        ({"labels": ["a", " ", "c"]}, "labels"),
        ({"labels": ["a", "a", "c"]}, "labels .*one of them twice"),
        ({"labels": {"a": 1, "b": 2, "c": 3}}, "labels"),
        ({"labels": [["a"], ["b"], ["c"]]}, "labels"),
        ({"max_length": 40.0}, r"max_length 40\.0"),
        ({"max_length": 10**400}, "max_length 1"),
        ({"own_heads": [1]}, "own_heads"),
        ({"own_heads": "en"}, "own_heads"),
        ({"languages": ["en"]}, "languages"),
        ({"languages": {"source": 3}}, "languages"),
        ({"languages": {"source": "klingonish"}}, "languages"),
        ({"torch_dtype": "float16"}, "torch_dtype"),
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
        ({"centers": ["en"]}, "centers for task 'classification'"),
        ({"centers": ["en", "eng"]}, "centers .*one of them twice"),
    ],
)
def test_an_entry_that_does_not_fit_the_task_is_named(path, changes, named):
    edit(path, **changes)

    with pytest.raises(CheckpointError, match=rf"config\.json: .*{named}"):
        load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("norm_epsilon", "x"),
        ("norm_epsilon", 10**400),
        ("norm_epsilon", 0.0),
        ("norm_epsilon", -1e-5),
        ("norm_epsilon", 1.5),
        ("norm_epsilon", 1),
        ("norm_epsilon", True),
        ("family", [1]),
        ("family", "gpt"),
        ("width", 32.0),
        ("width", 0),
        ("width", 10**12),
        ("vocab_size", -1),
        ("num_layers", 10**400),
        ("pad_id", 10**6),
        ("position_offset", False),
    ],
)
def test_an_impossible_size_is_named(path, name, value):
    config = json.loads((path / "config.json").read_text())
    edit(path, shape={**config["shape"], name: value})

    with pytest.raises(CheckpointError, match=rf"config\.json: .*shape\.{name}"):
        load(path)


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

    with pytest.raises(DamagedError, match=r"params/.* is missing"):
        load(path)


def files_of(path) -> list[str]:
    return sorted(
        str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()
    )


def test_a_change_of_any_file_is_noticed(path, tmp_path):
    names = files_of(path)
    assert len(names) > 9
    for name in sorted({*names} - {"README.md"}):
        copy = tmp_path / "copy"
        shutil.copytree(path, copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 0x10
        (copy / name).write_bytes(bytes(content))
        with pytest.raises(CheckpointError):
            load(copy)
        shutil.rmtree(copy)


def test_settings_that_someone_changed_are_damage(path):
    for name in ("config.json", "tokenizer.json", "xlnas_tokenizer.json"):
        before = (path / name).read_bytes()
        (path / name).write_bytes(before.replace(b"0", b"1", 1))
        with pytest.raises(DamagedError, match=f"'{name}' has another checksum"):
            load(path)
        (path / name).write_bytes(before + b" ")
        with pytest.raises(DamagedError, match=f"'{name}' must have .* bytes"):
            load(path)
        (path / name).write_bytes(before)


def test_what_belongs_to_the_user_is_not_looked_at(path):
    (path / "README.md").write_text("edited")
    (path / ".git").mkdir()
    (path / ".git" / "HEAD").write_text("ref")
    (path / ".gitattributes").write_text("* -text")
    os.mkfifo(path / "pipe")

    with within(20):
        assert load(path).labels == LABELS

    (path / "README.md").unlink()
    assert load(path).labels == LABELS


@pytest.mark.parametrize(
    "name", ["manifest.json", "config.json", "tokenizer.json", "architecture.json"]
)
def test_nothing_but_a_regular_file_is_opened(path, tmp_path, name):
    moved = (path / name).rename(tmp_path / name)
    os.mkfifo(path / name)
    with within(20), pytest.raises(CheckpointError, match="FIFO"):
        load(path)
    (path / name).unlink()
    (path / name).symlink_to(moved)
    with pytest.raises(CheckpointError, match="link"):
        load(path)


def test_weights_that_lie_elsewhere_are_refused(path, tmp_path):
    (path / "params").rename(tmp_path / "params")
    (path / "params").symlink_to(tmp_path / "params")

    with pytest.raises(DamagedError, match="a link leads to it"):
        load(path)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "xlnas_tokenizer.json"]
)
def test_what_is_read_must_be_listed(path, name):
    file = path / "manifest.json"
    content = json.loads(file.read_text())
    del content["files"][name]
    file.write_text(json.dumps(content))

    with pytest.raises(DamagedError, match=f"must list {name}"):
        load(path)


@pytest.mark.parametrize(
    "files", [None, [], 3, {"a": 1}, {"../a": [0, ""]}, {"a": [-1, ""]}, {"a": [0]}]
)
def test_a_list_of_files_that_is_none_is_damage(path, files):
    file = path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"files": files}))

    with pytest.raises(DamagedError):
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
names = ("search", "controllers", "evaluation", "experiment", "objectives")
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
