"""A saved state is the one that was asked for, and nothing else is touched."""

from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.storage.steps import Checkpoints, read_part
from xlnas_jax.types import CheckpointError, DamagedError

STATE = {"weights": {"kernel": np.arange(6, dtype=np.float32)}, "round": np.int32(4)}
PART = {"kernel": np.zeros(6, np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Checkpoints(tmp_path / "checkpoints", keep=2) as saved:
        saved.save(3, STATE)
        saved.save(4, STATE)
    return tmp_path / "checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_part_of_a_state_is_read_alone(folder: Path) -> None:
    found = read_part(folder, 4, "weights/", PART)
    np.testing.assert_array_equal(found["kernel"], STATE["weights"]["kernel"])


def test_another_step_than_the_last_is_never_taken_for_it(folder: Path) -> None:
    before = names(folder)
    with pytest.raises(CheckpointError, match=r"after round 5, .* got \[3, 4\]"):
        read_part(folder, 5, "weights/", PART)
    with pytest.raises(CheckpointError, match="got none"):
        read_part(folder.with_name("gone"), 5, "weights/", PART)
    assert names(folder) == before


def test_a_damaged_state_is_refused_and_stays_where_it_is(folder: Path) -> None:
    (folder / "4" / "manifest.json").write_text("{}")
    before = names(folder)
    with pytest.raises(DamagedError):
        read_part(folder, 4, "weights/", PART)
    assert names(folder) == before


def test_what_cannot_be_read_for_now_is_not_set_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlnas_jax.storage import steps

    def fail(directory: Path) -> None:
        raise CheckpointError(f"{directory}: cannot be read: Permission denied")

    monkeypatch.setattr(steps, "read_leaves", fail)
    before = names(folder)
    with Checkpoints(folder, keep=2) as saved:
        with pytest.raises(CheckpointError, match="Permission denied"):
            saved.restore(STATE)
    assert names(folder) == before


def test_nothing_is_deleted_behind_a_link(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".4.tmp").mkdir(parents=True)
    (tmp_path / "checkpoints").symlink_to(home)
    with pytest.raises(CheckpointError, match="it is a link"):
        Checkpoints(tmp_path / "checkpoints", keep=2)
    assert names(home) == [".4.tmp"]


def test_only_leftovers_of_saves_are_deleted(folder: Path) -> None:
    for name in (".5.tmp", ".5.tmp.orbax", ".work.tmp", "notes"):
        (folder / name).mkdir()
    with Checkpoints(folder, keep=2):
        pass
    assert {path.name for path in folder.iterdir()} == {"3", "4", ".work.tmp", "notes"}
