"""Several real processes decide alike, share states, and search as one does."""

import dataclasses
import json
import shutil
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.launching import launch, stand_in
from xlnas_jax.config.config import Config
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.devices.processes import (
    agree,
    decide,
    fingerprint,
    is_first,
    is_several,
    restore_everywhere,
)
from xlnas_jax.run.run import run_search

OBJECTIVES = 1e-5


def test_alone_one_decides_by_oneself():
    assert is_first() and not is_several()
    assert decide(lambda: (1, "two")) == (1, "two")
    agree("anything", object())
    assert restore_everywhere(lambda template: (3, template), "state") == (3, "state")


def test_a_fingerprint_tells_arrays_apart_by_their_bits():
    arrays = [jnp.zeros(3), np.zeros((2, 0)), jnp.asarray(1, jnp.int32)]
    assert fingerprint(arrays) == fingerprint([np.asarray(a) for a in arrays])
    other = [-arrays[0], *arrays[1:]]
    assert fingerprint(arrays) != fingerprint(other)


# Both processes run it; what each found goes to a file of its own.
TOGETHER = """
import json, pathlib, sys
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.devices.joining import joined
from xlnas_jax.devices.processes import (
    agree,
    decide,
    fingerprint,
    restore_everywhere,
)
from xlnas_jax.devices.sharding import (
    local,
    make_mesh,
    place,
)
from xlnas_jax.types import (
    ConfigError,
    XlnasError,
)

def fails():
    raise ConfigError("cannot be mended here")

def message(function):
    try:
        function()
    except XlnasError as error:
        return str(error)

def restored(saved):
    found = restore_everywhere(lambda _: saved, state)
    if found is None:
        return None
    step, tree = found
    whole = local({k: v for k, v in tree.items() if k not in ("count", "key")})
    whole |= {"count": tree["count"], "key": jax.random.key_data(tree["key"])}
    leaves = {k: np.asarray(v) for k, v in sorted(whole.items())}
    facts = {k: [v.dtype.name, v.shape, v.tobytes().hex()] for k, v in leaves.items()}
    return step, facts

def num_threads():
    tasks = pathlib.Path("/proc/self/task").glob("*/comm")
    return [path.read_text() for path in tasks].count("tf_XLAEigen\\n")

with joined():
    print("a result must not look like this")
    me = jax.process_index()
    mesh = make_mesh(DevicesConfig())
    plain = {
        "part": np.zeros((64, 32), np.float32), "count": np.int32(0),
        "floats": np.zeros(3, np.float32), "half": jnp.zeros(2, jnp.bfloat16),
        "flag": np.zeros((), bool), "none": np.zeros((0, 3), np.int8),
        "key": jax.random.key(0),
    }
    state = place(mesh, {k: v for k, v in plain.items() if k != "count"}, True)
    state |= {"count": plain["count"]}
    saved = 7, {
        "part": np.arange(2048, dtype=np.float32).reshape(64, 32),
        "count": np.int32(5),
        "floats": np.asarray([np.nan, -0.0, np.inf], np.float32),
        "half": np.asarray(jnp.asarray([1.5, -2.0], jnp.bfloat16)),
        "flag": np.asarray(True), "none": plain["none"],
        "key": np.asarray([3, 4], np.uint32),
    }
    found = {
        "decided": decide(lambda: {"by": me}),
        "failed": message(lambda: decide(fails)),
        "agreed": message(lambda: agree("the weather", "fine")),
        "disagreed": message(lambda: agree("the rank", me)),
        "restored": restored(saved if me == 0 else None),
        "nothing": restored(None),
        "devices": [len(mesh.devices.flat), len(mesh.local_devices)],
        "too_few": message(lambda: make_mesh(DevicesConfig(pop=1))),
        "threads": num_threads(),
        "kept": [s.data.nbytes for s in state["part"].addressable_shards],
    }
    with open(f"{sys.argv[2]}/{me}.json", "w") as file:
        json.dump(found, file)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What two processes of two devices each found."""
    folder = tmp_path_factory.mktemp("together")
    done = launch(2, str(folder), devices=2, path=stand_in(folder, TOGETHER))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_the_first_decides_for_all(found):
    assert [one["decided"] for one in found] == [{"by": 0}, {"by": 0}]


def test_an_error_of_the_first_is_one_of_all(found):
    assert [one["failed"] for one in found] == ["cannot be mended here"] * 2


def test_all_hear_that_one_differs(found):
    assert [one["agreed"] for one in found] == [None, None]
    for one in found:
        assert "the rank must be the same in all 2; got" in one["disagreed"]
        assert "others than the first's in [1]" in one["disagreed"]


def test_a_state_that_the_first_read_is_everywhere_bit_for_bit(found):
    assert found[0]["restored"] == found[1]["restored"]
    step, leaves = found[0]["restored"]
    values = {
        name: np.frombuffer(bytes.fromhex(data), jnp.dtype(dtype)).reshape(shape)
        for name, (dtype, shape, data) in leaves.items()
    }
    assert step == 7
    np.testing.assert_array_equal(values["part"].ravel(), np.arange(2048))
    assert values["floats"].tobytes() == np.float32([np.nan, -0.0, np.inf]).tobytes()
    assert values["half"].tolist() == [1.5, -2.0]
    assert values["key"].tolist() == [3, 4]
    assert (values["count"], values["flag"]) == (5, True)
    shapes = {name: array.shape for name, array in values.items()}
    assert shapes["count"] == shapes["flag"] == ()
    assert shapes["none"] == (0, 3)
    assert [one["nothing"] for one in found] == [None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed in /proc")
def test_waiting_devices_leave_threads_for_the_others(found):
    # On two cores the pool has two, and two waiting devices once stopped all four.
    assert [one["threads"] >= 8 for one in found] == [True, True]


def test_the_mesh_spans_all_processes(found):
    for one in found:
        assert one["devices"] == [4, 2]
        assert "got 1 of 2 processes" in one["too_few"]
        assert one["kept"] == [64 * 32 * 4 // 4] * 2


def short_config(**devices) -> Config:
    """Fewer rounds than the tiny one, and no control: processes take long to start."""
    config = tiny_config(devices=DevicesConfig(**devices))
    search = SearchConfig(
        rounds=2, weight_steps=3, population=6, archive_size=16, control=False
    )
    return dataclasses.replace(config, search=search)


def assert_same_front(one: dict, other: dict) -> None:
    points = one["points"], other["points"]
    ids = [[point["id"] for point in found] for found in points]
    assert ids[0] == ids[1]
    values = [[list(p["objectives"].values()) for p in found] for found in points]
    np.testing.assert_allclose(*values, atol=OBJECTIVES)
    assert one["evaluated"] == other["evaluated"]


def unfinish(run_dir) -> None:
    """As it was before its last round: a kill at that instant leaves this."""
    (run_dir / "front.json").unlink()
    shutil.rmtree(run_dir / "model")
    newest = max(int(path.name) for path in (run_dir / "checkpoints").iterdir())
    shutil.rmtree(run_dir / "checkpoints" / str(newest))


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A run of one process on one device."""
    run_dir = tmp_path_factory.mktemp("single") / "run"
    document, _ = run_search(short_config(pop=1), run_dir)
    return run_dir, document


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The same of two processes with two devices each, weights cut into parts."""
    folder = tmp_path_factory.mktemp("shared")
    return folder / "run", search(folder, 2, data=2, fsdp=True)


def search(folder, per_process: int, **devices) -> dict:
    """Searches, or goes on, in two processes; gives what the first one wrote."""
    config, run_dir = folder / "config.yaml", folder / "run"
    config.write_text(dump_config(short_config(**devices)))
    arguments = str(config), "--run-dir", str(run_dir)
    done = launch(2, *arguments, devices=per_process)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Exported model:") == 1
    assert "Gloo" not in done.stdout
    return json.loads((run_dir / "front.json").read_text())


@pytest.mark.slow
@pytest.mark.multiprocess
def test_two_processes_find_what_one_finds(single, shared):
    assert_same_front(shared[1], single[1])
    rounds = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (single[0], shared[0])
    ]
    assert [[line["round"] for line in lines] for lines in rounds] == [[0, 1, 2, 3]] * 2
    losses = [[line["loss"] for line in lines] for lines in rounds]
    np.testing.assert_allclose(*losses, atol=OBJECTIVES)


@pytest.mark.slow
@pytest.mark.multiprocess
def test_one_process_goes_on_where_two_were(single, shared, tmp_path):
    shutil.copytree(shared[0], tmp_path / "run")
    unfinish(tmp_path / "run")
    document, _ = run_search(short_config(pop=1), tmp_path / "run")
    assert_same_front(document, single[1])


@pytest.mark.slow
@pytest.mark.multiprocess
def test_two_processes_go_on_where_one_was(single, tmp_path):
    shutil.copytree(single[0], tmp_path / "run")
    unfinish(tmp_path / "run")
    assert_same_front(search(tmp_path, 1, pop=2), single[1])
    measured = json.loads((tmp_path / "run" / "measured.json").read_text())
    assert measured["resumed_from_round"] == 3
