"""`xlnas predict`: one JSON object per input line."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import tyro

from xlnas_jax.types import DataError

CHUNK = 256


@dataclass(frozen=True)
class Predict:
    """Predict a label for every line of a file or of standard input.

    Attributes:
        model: an exported model directory.
        file: UTF-8 text, one example a line; standard input if not given.
    """

    model: Annotated[Path, tyro.conf.Positional]
    file: Annotated[Path | None, tyro.conf.Positional] = None

    def run(self) -> None:
        """Writes objects with `label`, `probability` and `scores`, in order."""
        from xlnas_jax.export.load import load

        subnet = load(self.model)
        if self.file is not None and not self.file.is_file():
            raise DataError(f"{self.file}: no such file. Give a text file, or none.")
        stream = sys.stdin.buffer if self.file is None else self.file.open("rb")
        with stream:
            for lines in _chunks(stream, str(self.file or "standard input")):
                for prediction in subnet.predict(lines):
                    print(json.dumps(prediction._asdict(), ensure_ascii=False))


def _chunks(stream: BinaryIO, name: str) -> Iterator[list[str]]:
    """Lines without their ends, some hundred at a time."""
    lines: list[str] = []
    for number, raw in enumerate(stream, start=1):
        try:
            lines.append(raw.decode("utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: must be UTF-8; byte {error.start} is not. "
                f"Convert the file first, for instance with iconv."
            ) from error
        if len(lines) == CHUNK:
            yield lines
            lines = []
    if lines:
        yield lines
