"""Models are found in directories, packages and on the hub."""

import huggingface_hub
import pytest
from huggingface_hub.utils import filter_repo_objects

from xlnas_jax.supernet.locate import resolve
from xlnas_jax.types import ConfigError


def make_model(folder):
    """A folder with the two files that make a model."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that carries a model and must not be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "carries_model"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    return folder


def test_directory_is_itself(tmp_path):
    folder = make_model(tmp_path / "model")

    assert resolve(str(folder)) == folder


def test_directory_wins_over_hub_id(tmp_path, monkeypatch):
    make_model(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)

    assert resolve("org/name").samefile(tmp_path / "org" / "name")


def test_package_is_found_without_being_imported(package):
    model = make_model(package / "files" / "model")
    # A configuration of something else: no weights lie beside it.
    (package / "pooling").mkdir()
    (package / "pooling" / "config.json").write_text("{}")

    assert resolve("package:carries_model") == model
    assert resolve("package:carries-model") == model


def test_package_without_weights_is_refused(package):
    with pytest.raises(ConfigError, match=r"one folder with config\.json.*got none"):
        resolve("package:carries_model")


def test_package_with_two_models_is_refused(package):
    make_model(package / "one")
    make_model(package / "two")

    with pytest.raises(ConfigError, match=r"one, .*two"):
        resolve("package:carries_model")


@pytest.mark.parametrize("name", ["no_such_package", "__main__"])
def test_missing_package_is_named(name):
    with pytest.raises(ConfigError, match=f"package:{name}"):
        resolve(f"package:{name}")


@pytest.mark.parametrize("name", ["", "transformers.models", "a/b"])
def test_package_must_be_a_top_level_name(name):
    with pytest.raises(ConfigError, match="top-level"):
        resolve(f"package:{name}")


@pytest.mark.parametrize("path", ["./missing", "/missing/model", "a/b/c", ""])
def test_missing_directory_is_named(path):
    with pytest.raises(ConfigError, match=f"no directory '{path}' exists"):
        resolve(path)


def test_directory_without_configuration_is_refused(tmp_path):
    (tmp_path / "weights.txt").write_text("")

    with pytest.raises(ConfigError, match=r"must hold config\.json.*weights\.txt"):
        resolve(str(tmp_path))


def test_unreachable_hub_is_one_paragraph(tmp_path, monkeypatch):
    def fail(name, **options):
        raise ConnectionError("no route\n\nto host.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)

    with pytest.raises(ConfigError, match="ConnectionError: no route to host") as got:
        resolve("org/name")
    assert "\n" not in str(got.value)


def test_hub_is_asked_for_the_revision_and_never_for_pickles(tmp_path, monkeypatch):
    asked = {}

    def download(name, **options):
        asked.update(options, name=name)
        return str(make_model(tmp_path / "snapshot"))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    kept = [
        "config.json",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "sentencepiece.bpe.model",
        "tokenizer.json",
        "vocab.txt",
    ]
    left = ["pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "modeling.py"]

    assert resolve("org/name", "abc") == tmp_path / "snapshot"
    assert (asked["name"], asked["revision"]) == ("org/name", "abc")
    patterns = asked["allow_patterns"]
    assert list(filter_repo_objects(kept + left, allow_patterns=patterns)) == kept
