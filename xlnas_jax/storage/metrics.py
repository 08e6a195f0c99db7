"""What every round logs: a line of JSON each."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlnas_jax.files import (
    MAX_BYTES,
    append_line,
    finite,
    parse_json,
    read_bytes,
    write_text,
)
from xlnas_jax.types import CheckpointError

_ADVICE = "Move it away; the rounds from the last saved state on are logged."


@dataclass(frozen=True)
class MetricsFile:
    """One JSON object per line, in the order of its `round`."""

    path: Path
    is_writer: bool = True

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a line; it is on the disk when this returns."""
        if not self.is_writer:
            return
        text = json.dumps(finite(record), ensure_ascii=False, allow_nan=False)
        with writing(self.path):
            append_line(self.path, text)

    def read(self, is_going_on: bool = False) -> list[dict[str, Any]]:
        """Every line, in order; none where nothing was logged.

        Args:
            is_going_on: a last line without its end is left out: it is being written,
                or was cut by a kill.

        Raises:
            CheckpointError: a line is no JSON.
        """
        if not os.path.lexists(self.path):
            return []
        content = read_bytes(
            self.path, CheckpointError, _ADVICE, follow=False, most=MAX_BYTES
        )
        if is_going_on:
            content = content[: content.rfind(b"\n") + 1]
        try:
            return [parse_json(line) for line in content.decode().splitlines()]
        except ValueError as error:
            raise CheckpointError(
                f"{self.path}: must hold a JSON object a line; got: {error}. {_ADVICE}"
            ) from error

    def truncate(self, round: int) -> None:
        """Drop this round and later ones, and a line that a kill left half written."""
        if not self.is_writer or not self.path.exists():
            return
        content = read_bytes(
            self.path, CheckpointError, _ADVICE, follow=False, most=MAX_BYTES
        )
        lines = content.decode("utf-8", "replace").splitlines(True)
        kept = [line for line in lines if _is_before(line, round)]
        if kept != lines:
            with writing(self.path):
                write_text(self.path, "".join(kept))


def _is_before(line: str, round: int) -> bool:
    """True for a whole line of metrics of an earlier round."""
    try:
        return line.endswith("\n") and parse_json(line)["round"] < round
    except (ValueError, KeyError, TypeError):
        return False


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a file system refuses into one paragraph."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be written: {error.strerror or error}. What was saved "
            "before is intact; mend this and run the same command again."
        ) from error
