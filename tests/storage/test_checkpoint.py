"""Saved trees come back bit for bit; damage is noticed and survived."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import struct
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from xlnas_jax.storage.steps import Checkpoints, CheckpointWarning
from xlnas_jax.storage.trees import load_tree, raw_leaf, save_tree
from xlnas_jax.types import CheckpointError


@struct.dataclass
class State:
    """What a search carries, in small."""

    weights: dict[str, Array]
    optimizer: optax.OptState
    key: Array
    archive: tuple[Array, ...]
    nothing: None = None


def make_state(seed: int) -> State:
    normal = jax.random.normal(jax.random.key(seed), (4, 5))
    weights = {"kernel": normal, "half": normal.astype(jnp.bfloat16)}
    transform = optax.masked(optax.adam(0.1), {"kernel": True, "half": False})
    return State(
        weights=weights,
        optimizer=transform.init(weights),
        key=jax.random.key(seed + 100),
        archive=(
            jnp.array([jnp.nan, -0.0, jnp.inf], jnp.float32),
            jnp.array(seed, jnp.int32),
            jnp.array([True, False]),
            jnp.zeros((0, 3), jnp.int8),
            jnp.array([2**32 - 1], jnp.uint32),
        ),
    )


def raw_leaves(tree: object) -> list[tuple[str, tuple[int, ...], bytes]]:
    """Dtype, shape and bits of every leaf: equality of these is bit-identity."""
    arrays = [np.asarray(raw_leaf(leaf)) for leaf in jax.tree.leaves(tree)]
    return [(a.dtype.name, a.shape, a.tobytes()) for a in arrays]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with checkpoints of steps 1, 2 and 3."""
    with Checkpoints(tmp_path / "checkpoints", keep=3) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, make_state(step))
    return tmp_path / "checkpoints"


def test_those_that_are_no_writers_leave_no_trace(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "checkpoints", 3, is_writer=False) as checkpoints:
        checkpoints.save(1, make_state(1))
    assert list(tmp_path.iterdir()) == []


def files_of(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file()
    )


def test_restored_state_has_the_same_bits_and_structure(folder: Path) -> None:
    with Checkpoints(folder, keep=3) as checkpoints:
        restored = checkpoints.restore(make_state(0))
    assert restored is not None
    step, state = restored
    assert step == 3
    assert raw_leaves(state) == raw_leaves(make_state(3))
    assert jax.tree.structure(state) == jax.tree.structure(make_state(3))
    assert jnp.array_equal(
        jax.random.bits(state.key), jax.random.bits(make_state(3).key)
    )


def test_a_donated_state_does_not_change_what_is_saved(tmp_path: Path) -> None:
    step = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    state = {"x": jnp.arange(100_000, dtype=jnp.float32)}
    with Checkpoints(tmp_path / "c", keep=9) as checkpoints:
        for number in range(4):
            checkpoints.save(number, state)
            state = step(state)
    saved = [load_tree(tmp_path / "c" / str(n))["x"][0] for n in range(4)]
    assert saved == [0, 1, 2, 3]


def test_restored_arrays_lie_where_the_template_lies(tmp_path: Path) -> None:
    mesh = Mesh(np.array(jax.devices()[:2]), ("data",))
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    template = {
        "split": jax.device_put(np.arange(4.0, dtype=np.float32), sharding),
        "free": jnp.arange(3),
        "host": np.arange(2),
    }
    with Checkpoints(tmp_path / "c", keep=1) as checkpoints:
        checkpoints.save(0, template)
        restored = checkpoints.restore(template)
    assert restored is not None
    state = restored[1]
    assert state["split"].sharding == sharding
    assert not state["free"].committed
    assert isinstance(state["host"], np.ndarray)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "c", keep=2) as checkpoints:
        for step in (1, 2, 3, 10):
            checkpoints.save(step, {"x": jnp.ones(3)})
        checkpoints.wait()
        assert checkpoints.steps == [3, 10]


def test_a_new_run_has_nothing_to_restore(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "new" / "checkpoints", keep=2) as checkpoints:
        assert checkpoints.restore(make_state(0)) is None


def damage_truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damage_delete(path: Path) -> None:
    path.unlink()


def damage_flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [damage_truncate, damage_delete, damage_flip])
def test_damage_of_any_file_is_noticed(folder: Path, damage, tmp_path: Path) -> None:
    sound = folder / "3"
    names = files_of(sound)
    assert len(names) > 5
    for name in names:
        copy = tmp_path / "copy"
        shutil.copytree(sound, copy)
        damage(copy / name)
        with pytest.raises(CheckpointError, match="is damaged"):
            load_tree(copy)
        shutil.rmtree(copy)


def test_a_damaged_newest_checkpoint_falls_back_with_a_warning(folder: Path) -> None:
    damage_flip(folder / "3" / "manifest.ocdbt")
    with Checkpoints(folder, keep=3) as checkpoints:
        with pytest.warns(CheckpointWarning, match=r"3: is damaged.*step 2 instead"):
            restored = checkpoints.restore(make_state(0))
        assert restored is not None
        assert restored[0] == 2
        assert raw_leaves(restored[1]) == raw_leaves(make_state(2))
        checkpoints.save(3, make_state(3))
        assert checkpoints.restore(make_state(0)) is not None
        assert checkpoints.steps == [1, 2, 3]


def test_two_damaged_checkpoints_fall_back_twice(folder: Path) -> None:
    damage_truncate(folder / "3" / "manifest.json")
    shutil.rmtree(folder / "2")
    (folder / "2").mkdir()
    with (
        Checkpoints(folder, keep=3) as checkpoints,
        pytest.warns(CheckpointWarning) as caught,
    ):
        restored = checkpoints.restore(make_state(0))
    assert restored is not None
    assert restored[0] == 1
    assert [str(w.message).count("step 1 instead") for w in caught] == [1, 1]


def test_when_all_are_damaged_nothing_is_moved_or_restarted(folder: Path) -> None:
    for step in "123":
        damage_delete(folder / step / "manifest.json")
    for _ in range(2):
        with (
            Checkpoints(folder, keep=3) as checkpoints,
            pytest.raises(CheckpointError, match="3 damaged"),
        ):
            checkpoints.restore(make_state(0))
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2", "3"]


def test_the_rest_of_a_killed_save_is_ignored_and_removed(folder: Path) -> None:
    shutil.copytree(folder / "3", folder / ".4.tmp")
    shutil.copytree(folder / "3", folder / ".4.tmp.orbax-checkpoint-tmp")
    with Checkpoints(folder, keep=3) as checkpoints:
        restored = checkpoints.restore(make_state(0))
        assert restored is not None
        assert restored[0] == 3
        assert files_of(folder / ".4.tmp") == []
        checkpoints.save(4, make_state(4))
    assert sorted(path.name for path in folder.iterdir()) == ["2", "3", "4"]


def test_another_structure_is_refused_and_left_alone(folder: Path) -> None:
    with Checkpoints(folder, keep=3) as checkpoints:
        with pytest.raises(CheckpointError, match=r"in excess.*archive/0"):
            checkpoints.restore({"weights": {"kernel": jnp.ones(3)}})
        other = make_state(0).replace(key=jax.random.split(jax.random.key(0)))
        with pytest.raises(CheckpointError, match="key must be uint32"):
            checkpoints.restore(other)
        assert checkpoints.steps == [1, 2, 3]


def test_no_space_is_said_at_the_next_save_and_leaves_the_rest_intact(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("background thread failed") from error

    with Checkpoints(folder, keep=3) as checkpoints:
        with monkeypatch.context() as patch:
            patch.setattr(ocp.Checkpointer, "save", fail)
            checkpoints.save(4, make_state(4))
            with pytest.raises(CheckpointError, match="no space left") as caught:
                checkpoints.save(5, make_state(5))
        assert str(folder) in str(caught.value)
        restored = checkpoints.restore(make_state(0))
    assert restored is not None
    assert restored[0] == 3
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2", "3"]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only a superuser can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("there is no mount command")
    command = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs more rights")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_ends_in_one_clear_error(
    full_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).normal(size=100_000)
    with pytest.raises(CheckpointError, match="no space left on the device"):
        save_tree(full_disk / "tree", {"a": noise, "b": noise + 1})
    assert list(full_disk.iterdir()) == []
    assert "Traceback" not in capfd.readouterr().err


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_save(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyError, match="the run"),
        Checkpoints(tmp_path, keep=1) as checkpoints,
    ):
        (tmp_path / "1").mkdir()
        checkpoints.save(1, {"x": jnp.ones(3)})
        raise KeyError("the run")


def test_an_error_of_the_last_save_is_raised_on_leaving(tmp_path: Path) -> None:
    with (
        pytest.raises(CheckpointError, match="must not exist yet"),
        Checkpoints(tmp_path, keep=1) as checkpoints,
    ):
        (tmp_path / "1").mkdir()
        checkpoints.save(1, {"x": jnp.ones(3)})


def test_a_tree_comes_back_as_nested_dictionaries(tmp_path: Path) -> None:
    state = make_state(1)
    save_tree(tmp_path / "deep" / "params", state)
    tree = load_tree(tmp_path / "deep" / "params")
    assert tree.keys() == {"weights", "optimizer", "key", "archive"}
    assert tree["archive"].keys() == set("01234")
    assert tree["weights"]["half"].dtype == jnp.bfloat16
    assert tree["archive"]["3"].shape == (0, 3)
    assert tree["weights"]["kernel"].tobytes() == state.weights["kernel"].tobytes()


def test_a_saved_tree_is_plain_orbax(tmp_path: Path) -> None:
    save_tree(tmp_path / "params", {"dense": {"kernel": jnp.ones((2, 2))}})
    with ocp.StandardCheckpointer() as checkpointer:
        tree = checkpointer.restore(tmp_path / "params")
    assert np.array_equal(tree["dense"]["kernel"], np.ones((2, 2)))


def test_a_tree_is_never_overwritten(tmp_path: Path) -> None:
    save_tree(tmp_path / "params", {"x": jnp.ones(3)})
    with pytest.raises(CheckpointError, match="must not exist yet"):
        save_tree(tmp_path / "params", {"x": jnp.zeros(3)})
    assert load_tree(tmp_path / "params")["x"].sum() == 3


def test_a_missing_tree_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        load_tree(tmp_path / "params")
