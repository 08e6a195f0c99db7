"""A saved tree says who wrote it to nobody, and is believed in nothing unchecked."""

import errno
import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.fuzz.contract import snapshot, within
from xlnas_jax.storage import database
from xlnas_jax.storage.trees import MANIFEST, load_tree, save_tree
from xlnas_jax.types import CheckpointError, DamagedError

RNG = np.random.default_rng(0)
# Keys with common beginnings, a long one, arrays without axes and without elements.
TREE = {
    "embeddings": {"word": RNG.normal(size=(50, 8)).astype(np.float32)},
    "layers": {str(i): {"kernel": np.full((3, 2), i, np.float32)} for i in range(12)},
    "step": np.array(7, np.int32),
    "a" * 200: np.array([True, False]),
    "nothing": np.zeros((0, 3), np.float32),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("here") / "tree"
    save_tree(path, TREE)
    return path


@pytest.fixture
def path(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def resign(path: Path, change: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Make the manifest fit what lies there, as someone with an intent would."""
    old = json.loads(json.loads((path / MANIFEST).read_text())["content"])
    old["files"] = {
        str(file.relative_to(path)): [
            file.stat().st_size,
            zlib.crc32(file.read_bytes()),
        ]
        for file in path.rglob("*")
        if file.is_file() and file.name != MANIFEST
    }
    if change is not None:
        change(old)
    text = json.dumps(old)
    manifest = {"crc32": zlib.crc32(text.encode()), "content": text}
    (path / MANIFEST).write_text(json.dumps(manifest))


def test_the_same_arrays_give_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_tree(tmp_path / "elsewhere" / "another", TREE)

    assert snapshot(saved) == snapshot(tmp_path / "elsewhere" / "another")


def test_no_path_and_no_time_is_written(saved: Path) -> None:
    for file in saved.rglob("*"):
        if file.is_file():
            assert str(saved.parent).encode() not in file.read_bytes()
    notes = json.loads((saved / "_CHECKPOINT_METADATA").read_text())
    assert [notes[k] for k in notes if "timestamp" in k] == [None, None]


def test_orbax_reads_what_was_written_anew(saved: Path) -> None:
    with ocp.StandardCheckpointer() as checkpointer:
        found = checkpointer.restore(saved)

    np.testing.assert_array_equal(
        found["embeddings"]["word"], TREE["embeddings"]["word"]
    )
    assert [found["layers"][str(i)]["kernel"][0, 0] for i in range(12)] == [*range(12)]
    assert found["a" * 200].tolist() == [True, False]


def test_a_database_written_anew_holds_the_same(saved: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    old = database.open_database(saved)

    database.rewrite(copy)

    new = database.open_database(copy)
    keys = old.list().result()
    assert sorted(keys) == sorted(new.list().result())
    for key in keys:
        assert old.read(key).result().value == new.read(key).result().value


def test_known_checksums_are_found() -> None:
    # RFC 3720, B.4.
    assert database._crc32c(bytes(32)) == 0x8A9136AA
    assert database._crc32c(b"123456789") == 0xE3069283


def test_a_compressed_tree_of_before_is_read(tmp_path: Path) -> None:
    arrays = {"a": {"b": np.zeros((40, 50), np.float32)}, "c": np.arange(5)}
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "tree", arrays)
    (tmp_path / "tree" / MANIFEST).write_text(json.dumps({"content": '{"empty": {}}'}))
    resign(tmp_path / "tree")

    found = load_tree(tmp_path / "tree")

    np.testing.assert_array_equal(found["a"]["b"], arrays["a"]["b"])
    np.testing.assert_array_equal(found["c"], arrays["c"])


def data_file(path: Path) -> Path:
    (found,) = (path / "ocdbt.process_0" / "d").iterdir()
    return found


@pytest.mark.parametrize("name", [MANIFEST, "_METADATA", "d/unlisted", "unlisted"])
def test_a_fifo_is_not_waited_for(path: Path, name: str) -> None:
    (path / name).unlink(missing_ok=True)
    os.mkfifo(path / name)

    with within(5), pytest.raises(CheckpointError, match=name.split("/")[-1]):
        load_tree(path)


@pytest.mark.parametrize("name", ["more", "d/more"])
def test_a_file_that_is_not_listed_is_refused_and_no_damage(
    path: Path, name: str
) -> None:
    (path / name).write_bytes(b"")

    with pytest.raises(CheckpointError, match="nothing but the files") as caught:
        load_tree(path)

    assert not isinstance(caught.value, DamagedError)
    assert load_tree_without(path, name)["step"] == 7


def load_tree_without(path: Path, name: str) -> dict[str, Any]:
    (path / name).unlink()
    return load_tree(path)


def test_links_to_the_same_content_are_refused(path: Path, tmp_path: Path) -> None:
    for name in ("_METADATA", "d", "ocdbt.process_0/d"):
        moved = tmp_path / name.replace("/", "-")
        (path / name).rename(moved)
        (path / name).symlink_to(moved)
        with pytest.raises(CheckpointError, match=r"link|nothing but"):
            load_tree(path)
        (path / name).unlink()
        moved.rename(path / name)
    assert load_tree(path)["step"] == 7
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(CheckpointError, match="a link"):
        load_tree(tmp_path / "link")


def test_what_cannot_be_read_for_now_is_no_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(name: Any, *rest: Any, **more: Any) -> int:
        if str(name).endswith("_METADATA"):
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return opened(name, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CheckpointError, match="Permission denied") as caught:
        load_tree(path)
    assert not isinstance(caught.value, DamagedError)


@pytest.mark.parametrize(
    ("reason", "is_damage"),
    [
        ("DATA_LOSS: Error decoding", True),
        ("NOT_FOUND: chunk is missing", True),
        ("PERMISSION_DENIED: Error opening file", False),
        ("UNAVAILABLE: Input/output error", False),
    ],
)
def test_of_what_the_database_says_content_alone_is_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, is_damage: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(reason)

    monkeypatch.setattr("xlnas_jax.storage.stored.ts.open", fail)
    with pytest.raises(CheckpointError, match=reason) as caught:
        load_tree(path)
    assert isinstance(caught.value, DamagedError) == is_damage


def claim(shape: list[int], chunks: list[int], dtype: str) -> dict[str, Any]:
    return {
        "chunks": chunks,
        "compressor": None,
        "dimension_separator": ".",
        "dtype": dtype,
        "fill_value": 0,
        "filters": None,
        "order": "C",
        "shape": shape,
        "zarr_format": 2,
    }


@pytest.mark.parametrize(
    ("shape", "chunks", "dtype"),
    [
        ([10**6, 10**6], [10**6, 10**6], "<f4"),
        ([3, 2], [10**6, 10**6], "<f4"),
        ([3, 2], [1, 1], "<f4"),
        ([10**400], [10**400], "<f4"),
        ([-1], [-1], "<f4"),
        ([True], [True], "<f4"),
        ([2.0], [2.0], "<f4"),
        ([3, 2], [3, 2], "<f4,<f4"),
        ([3, 2], [3, 2], "|O"),
        ([3, 2], [3, 2], "<f4"),
    ],
)
def test_what_is_claimed_of_an_array_is_held_against_its_files(
    path: Path, shape: list[int], chunks: list[int], dtype: str
) -> None:
    shutil.rmtree(path / "ocdbt.process_0")
    shutil.rmtree(path / "d")
    (path / "manifest.ocdbt").unlink()
    metadata = json.loads((path / "_METADATA").read_text()) | {"use_ocdbt": False}
    (path / "_METADATA").write_text(json.dumps(metadata))
    for entry in metadata["tree_metadata"].values():
        array = path / ".".join(one["key"] for one in entry["key_metadata"])
        array.mkdir()
        (array / ".zarray").write_text(json.dumps(claim(shape, chunks, dtype)))
    resign(path)

    with within(5), pytest.raises(DamagedError):
        load_tree(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("files"),
        lambda content: content.pop("empty"),
        lambda content: content.update(files=["_METADATA"]),
        lambda content: content.update(files={"_METADATA": None}),
        lambda content: content.update(files={"_METADATA": [-1, 0]}),
        lambda content: content["files"].update({"../x": [0, 0]}),
        lambda content: content["files"].update({"/etc/passwd": [0, 0]}),
        lambda content: content["files"].update({"a\0b": [0, 0]}),
        lambda content: content.update(empty=[]),
        lambda content: content.update(empty={"x": ["float32", [10**12]]}),
        lambda content: content.update(empty={"x": ["float32", [-1]]}),
        lambda content: content.update(empty={"x": ["float32", [0, 10**400]]}),
        lambda content: content.update(empty={"x": ["nonsense", [0]]}),
        lambda content: content.update(empty={"x": ["O", [0]]}),
        lambda content: content.update(empty={"step": ["float32", [0]]}),
        lambda content: content.update(empty={"step/x": ["float32", [0]]}),
        lambda content: content.update(empty={"layers": ["float32", [0]]}),
    ],
)
def test_a_signed_manifest_is_not_believed(path: Path, change: Any) -> None:
    resign(path, change)

    with pytest.raises(DamagedError):
        load_tree(path)


@pytest.mark.parametrize(
    "text", ["[1]", "[" * 100_000, '{"a": NaN}', "", "{}", '"\\ud800"']
)
@pytest.mark.parametrize("name", [MANIFEST, "_METADATA"])
def test_json_that_is_none_of_ours_is_damage(path: Path, name: str, text: str) -> None:
    (path / name).write_text(text)
    if name != MANIFEST:
        resign(path)

    with pytest.raises(DamagedError):
        load_tree(path)


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    (tmp_path / ".tree.tmp").symlink_to(tmp_path / "mine")

    save_tree(tmp_path / "tree", TREE)

    assert load_tree(tmp_path / "tree")["step"] == 7
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    assert sorted(os.listdir(tmp_path)) == ["mine", "tree"]


def test_a_link_at_the_destination_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "tree").symlink_to(tmp_path / "nowhere")

    with pytest.raises(CheckpointError, match="must not exist yet"):
        save_tree(tmp_path / "tree", TREE)

    assert not (tmp_path / "nowhere").exists()


def test_a_tree_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    synced, renamed = os.fsync, os.rename

    def sync(number: int) -> None:
        calls.append(os.readlink(f"/proc/self/fd/{number}"))
        synced(number)

    def rename(old: Any, new: Any) -> None:
        calls.append("rename")
        renamed(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    save_tree(tmp_path / "tree", TREE)

    place = len(calls) - 1 - calls[::-1].index("rename")
    temporary = tmp_path / ".tree.tmp"
    names = {temporary, *(temporary / n for n in snapshot(tmp_path / "tree"))}
    assert {str(name) for name in names} <= {*calls[:place]}
    assert calls[place + 1 :] == [str(tmp_path)]


def test_a_path_may_go_up(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    tree = {"a": np.arange(3, dtype=np.float32)}
    save_tree("../tree", tree)
    np.testing.assert_array_equal(load_tree("../tree")["a"], tree["a"])
