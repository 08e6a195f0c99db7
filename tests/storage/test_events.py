"""What is written for TensorBoard is what TensorBoard reads, whatever was killed."""

import json
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.storage.test_rundir import make_config
from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.storage.events import EVENTS, EventsFile, crc32c, scalars
from xlnas_jax.storage.rundir import Run, open_run
from xlnas_jax.types import CheckpointError

ON = CheckpointConfig()
OFF = CheckpointConfig(tensorboard=False)


def event_class() -> type:
    """`Event` of TensorBoard's event.proto and summary.proto, as far as it is used."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="tb")

    def message(name: str, *fields: tuple[str, int, int, str]) -> None:
        made = file.message_type.add(name=name)
        for called, number, kind, of in fields:
            label = kinds.LABEL_REPEATED if of == "Value" else kinds.LABEL_OPTIONAL
            field = made.field.add(name=called, number=number, type=kind, label=label)
            if of:
                field.type_name = f".tb.{of}"

    message(
        "Value",
        ("tag", 1, kinds.TYPE_STRING, ""),
        ("simple_value", 2, kinds.TYPE_FLOAT, ""),
    )
    message("Summary", ("value", 1, kinds.TYPE_MESSAGE, "Value"))
    message("SessionLog", ("status", 1, kinds.TYPE_INT32, ""))
    message(
        "Event",
        ("wall_time", 1, kinds.TYPE_DOUBLE, ""),
        ("step", 2, kinds.TYPE_INT64, ""),
        ("file_version", 3, kinds.TYPE_STRING, ""),
        ("summary", 5, kinds.TYPE_MESSAGE, "Summary"),
        ("session_log", 7, kinds.TYPE_MESSAGE, "SessionLog"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("tb.Event")
    return message_factory.GetMessageClass(found)


EVENT = event_class()


def records(path: Path) -> Iterator[Any]:
    """Events of a file, each checked against both of its checksums."""

    def checked(data: bytes, masked: bytes) -> bytes:
        (found,) = struct.unpack("<I", masked)
        turned = (found - 0xA282EAD8) & 0xFFFFFFFF
        assert crc32c(data) == (turned >> 17 | turned << 15) & 0xFFFFFFFF
        return data

    content = path.read_bytes()
    while content:
        head = checked(content[:8], content[8:12])
        (size,) = struct.unpack("<Q", head)
        data = checked(content[12 : 12 + size], content[12 + size : 16 + size])
        yield EVENT.FromString(data)
        content = content[16 + size :]


def seen(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard has them after reading a file."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in records(path):
        if event.session_log.status == 1:  # START: later steps are void
            for tag, points in found.items():
                found[tag] = [point for point in points if point[0] < event.step]
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return {tag: points for tag, points in found.items() if points}


def line(number: int, loss: float = 0.5) -> dict[str, Any]:
    return {"round": number, "loss": loss, "best_error": 0.25, "front": [[1.0, 2.0]]}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", make_config()) as opened:
        yield opened


def test_checksums_are_those_of_the_standard() -> None:
    # RFC 3720, B.4, and the check value of CRC-32C.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


def test_a_round_is_an_event_with_its_scalars(run: Run) -> None:
    log = run.log(ON)
    log.begin(0)
    log.append(line(0))
    log.append({"round": 300, "losses": {"mlm": 2.5}, "text": "no", "flag": True})
    version, first, second = records(run.path / EVENTS)
    assert version.file_version == "brain.Event:2"
    assert first.wall_time == pytest.approx(os.stat(run.path / EVENTS).st_mtime, abs=60)
    assert {v.tag: v.simple_value for v in first.summary.value} == {
        "loss": 0.5,
        "best_error": 0.25,
    }
    assert second.step == 300
    assert [v.tag for v in second.summary.value] == ["losses/mlm"]


def test_what_no_plot_can_show_is_left_out() -> None:
    record = {"round": 1, "a": math.nan, "b": None, "c": 1e300, "d": 7, "e": -math.inf}
    assert dict(scalars(record)) == {"d": 7.0}


def test_a_run_that_goes_on_neither_doubles_nor_loses_a_round(run: Run) -> None:
    log = run.log(ON)
    log.begin(0)
    for number in range(5):
        log.append(line(number, loss=1.0))
    log.begin(3)  # the last saved state is that before round 3
    for number in range(3, 6):
        log.append(line(number, loss=2.0))
    expected = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0), (5, 2.0)]
    assert seen(run.path / EVENTS)["loss"] == expected
    assert [*run.events.times()] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("lost", [1, 5, 20, 60])
def test_half_a_record_is_cut_off_and_made_up_for(run: Run, lost: int) -> None:
    log = run.log(ON)
    log.begin(0)
    log.append(line(0))
    log.append(line(1))
    size = (run.path / EVENTS).stat().st_size
    os.truncate(run.path / EVENTS, size - lost)
    log.begin(2)
    log.append(line(2))
    assert [step for step, _ in seen(run.path / EVENTS)["loss"]] == [0, 1, 2]


def test_a_damaged_record_ends_the_file_there(run: Run) -> None:
    log = run.log(ON)
    log.begin(0)
    for number in range(3):
        log.append(line(number))
    content = bytearray((run.path / EVENTS).read_bytes())
    content[len(content) // 2] ^= 1
    (run.path / EVENTS).write_bytes(content)
    log.begin(3)
    assert [step for step, _ in seen(run.path / EVENTS)["loss"]] == [0, 1, 2]


def test_what_was_not_written_before_is_taken_from_the_log(run: Run) -> None:
    log = run.log(OFF)
    log.begin(0)
    for number in range(3):
        log.append(line(number))
    assert not (run.path / EVENTS).exists()
    log = run.log(ON)
    log.begin(2)
    log.append(line(2))
    assert [step for step, _ in seen(run.path / EVENTS)["loss"]] == [0, 1, 2]


def test_one_process_alone_writes(run: Run) -> None:
    log = Run(run.path, is_writer=False).log(ON)
    log.begin(0)
    log.append(line(0))
    assert not (run.path / EVENTS).exists()


def test_a_link_in_its_place_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (run.path / EVENTS).symlink_to(tmp_path / "mine")
    with pytest.raises(CheckpointError, match="link"):
        run.log(ON).begin(0)
    with pytest.raises(CheckpointError, match="link"):
        EventsFile(run.path / EVENTS).append(line(0))
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.filterwarnings("ignore")  # of a library that is not ours
def test_tensorboard_reads_the_same(run: Run) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    log = run.log(ON)
    log.begin(0)
    for number in range(5):
        log.append(line(number, loss=number / 4))
    log.begin(3)
    log.append(line(3, loss=7.5))
    found = accumulator.EventAccumulator(str(run.path)).Reload()
    loss = [(one.step, one.value) for one in found.Scalars("loss")]
    assert loss == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 7.5)]
    assert loss == seen(run.path / EVENTS)["loss"]
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(one)["round"] for one in lines] == [step for step, _ in loss]
