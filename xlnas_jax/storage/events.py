"""Scalars of every round for TensorBoard, in one file beside the log.

Its format is small and fixed: records with a length and two checksums (CRC32C, RFC
3720), each an `Event` of TensorBoard's `event.proto` in protocol buffers. A run that
goes on adds to the file, and says first from which round on: TensorBoard then drops
what it had of later ones. https://github.com/tensorflow/tensorboard
"""

import functools
import math
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from xlnas_jax.files import MAX_BYTES, open_own, read_bytes
from xlnas_jax.storage.metrics import writing
from xlnas_jax.types import CheckpointError

# As readers of TensorBoard look for it.
EVENTS = "events.out.tfevents"
_VERSION = b"brain.Event:2"
_HEAD, _TAIL = 12, 4
_MASK, _BITS = 0xA282EAD8, 0xFFFFFFFF
_LARGEST = 3.4028234663852886e38
_ADVICE = "Move it away: it is made again from the log when the run goes on."
# Kinds of fields, as they stand in the lowest bits of their keys.
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
_SIZES = {_DOUBLE: 8, _FLOAT: 4}


class Event(NamedTuple):
    """What is needed of a record.

    Attributes:
        end: where in the file the next one begins.
        is_start: the run went on from this step: what came later before is void.
    """

    time: float
    step: int
    is_start: bool
    end: int


@dataclass(frozen=True)
class EventsFile:
    """Scalars by round, for TensorBoard."""

    path: Path
    is_writer: bool = True

    def begin(self, first: int, logged: Iterable[Mapping[str, Any]]) -> None:
        """Goes on from a round: half a record is cut off, and what lacks is added.

        Args:
            logged: the rounds before it, as the log has them.
        """
        if not self.is_writer:
            return
        content = self._content()
        events = list(_events(content))
        whole = events[-1].end if events else 0
        if whole < len(content):
            with writing(self.path), open_own(self.path, os.O_WRONLY) as file:
                os.ftruncate(file.fileno(), whole)
        if not events:
            self._add(_now() + _field(3, _VERSION))
        elif any(event.step >= first for event in events):
            start = _field(7, _key(1, _VARINT) + _varint(1))
            self._add(_now() + _step(first) + start)
        known = _standing(events)
        for record in logged:
            if record["round"] < first and record["round"] not in known:
                self.append(record)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a round; it is on the disk when this returns."""
        if not self.is_writer:
            return
        values = b"".join(
            _field(1, _field(1, name.encode()) + _key(2, _FLOAT) + _float(value))
            for name, value in scalars(record)
        )
        self._add(_now() + _step(record["round"]) + _field(5, values))

    def times(self) -> dict[int, float]:
        """When each round was written, of a file that may be written just now."""
        return {step: at for step, at in _standing(_events(self._content())).items()}

    def _content(self) -> bytes:
        if not os.path.lexists(self.path):
            return b""
        given = self.path, CheckpointError, _ADVICE
        return read_bytes(*given, follow=False, most=MAX_BYTES)

    def _add(self, event: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with writing(self.path), open_own(self.path, flags) as file:
            file.write(_record(event))
            file.flush()
            os.fsync(file.fileno())


def scalars(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers of a round that a plot can show, by the path to them."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            is_shown = math.isfinite(value) and abs(value) <= _LARGEST
            if is_shown and prefix + name != "round":
                yield prefix + name, float(value)


def _standing(events: Iterable[Event]) -> dict[int, float]:
    """Times of the rounds that were not made void later."""
    found: dict[int, float] = {}
    for event in events:
        if event.is_start:
            found = {step: at for step, at in found.items() if step < event.step}
        elif event.step >= 0:
            found[event.step] = event.time
    return found


def _events(content: bytes) -> Iterator[Event]:
    """Events up to the first one that is not whole."""
    place = 0
    while place + _HEAD + _TAIL <= len(content):
        head = content[place : place + 8]
        (size,) = struct.unpack("<Q", head)
        end = place + _HEAD + size + _TAIL
        data = content[place + _HEAD : end - _TAIL]
        sums = content[place + 8 : place + _HEAD], content[end - _TAIL : end]
        if end > len(content) or sums != (_masked(head), _masked(data)):
            return
        fields = dict(_fields(data))
        (at,) = struct.unpack("<d", fields.get(1, bytes(8)))
        # What says the version of the file is of no round.
        step = -1 if 3 in fields else fields.get(2, 0)
        yield Event(at, step, 7 in fields, end)
        place = end


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the fields of a message that we wrote."""
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _read_varint(data, place)
        else:
            size = _SIZES.get(kind)
            if size is None:
                size, place = _read_varint(data, place)
            value, place = data[place : place + size], place + size
        yield key >> 3, value


def _record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + _masked(head) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    """A checksum as it stands in a file, where it may itself be checked."""
    found = crc32c(data)
    turned = (found >> 15 | found << 17) & _BITS
    return struct.pack("<I", (turned + _MASK) & _BITS)


def crc32c(data: bytes) -> int:
    """The checksum of Castagnoli, by bytes."""
    table, found = _table(), _BITS
    for byte in data:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ _BITS


@functools.cache
def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        found.append(value)
    return tuple(found)


def _now() -> bytes:
    return _key(1, _DOUBLE) + struct.pack("<d", time.time())


def _step(number: int) -> bytes:
    return _key(2, _VARINT) + _varint(number)


def _field(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _float(value: float) -> bytes:
    return struct.pack("<f", value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
