"""Every model has a name of its own, which can stand in an address."""

from pathlib import Path

import pytest

from xlnas_jax.serve.named import name_models
from xlnas_jax.types import ConfigError


def test_a_model_has_the_name_of_its_folder_or_the_one_it_is_given() -> None:
    found = name_models(["runs/topics/", "names=runs/ner/export"])
    assert found == {"topics": Path("runs/topics/"), "names": Path("runs/ner/export")}


def test_a_folder_may_have_an_equals_sign(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a=b").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"got 'a=b' for a=b\. Give it"):
        name_models(["a=b"])
    assert name_models(["x=a=b"]) == {"x": Path("a=b")}


def test_the_working_directory_has_a_name_too(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "topics").mkdir()
    monkeypatch.chdir(tmp_path / "topics")
    assert [*name_models(["."])] == ["topics"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "at least one directory"),
        (["a/model", "b/model"], "'model' for a/model and b/model"),
        (["x=a", "x=b"], "'x' for a and b"),
        (["a b=c"], "got 'a b' for c"),
        (["../=c"], "got '../' for c"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(given, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        name_models(given)
