"""`xlnas predict`: one JSON object per input line."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import tyro

from xlnas_jax.types import DataError

if TYPE_CHECKING:
    from xlnas_jax.export.subnet import Subnet

CHUNK = 256
ASKED = '{"question": ..., "context": ...}'
KEYS = ("question", "context")


@dataclass(frozen=True)
class Predict:
    """Predict what the model is for, for every line of a file or of standard input.

    Attributes:
        model: an exported model directory.
        file: UTF-8 text, one example a line; standard input if not given. For
            tagging, words between white space; for questions, JSON objects with
            `question` and `context`.
        language: of the text, where the model has output layers for some languages.
        pairs: for classification: every line holds two texts with a tab between.
    """

    model: Annotated[Path, tyro.conf.Positional]
    file: Annotated[Path | None, tyro.conf.Positional] = None
    language: str = ""
    pairs: bool = False

    def run(self) -> None:
        """Writes the fields of each prediction, in the order of the lines."""
        from xlnas_jax.export.load import load

        subnet = load(self.model)
        if self.file is not None and not self.file.is_file():
            raise DataError(f"{self.file}: no such file. Give a text file, or none.")
        if self.pairs and subnet.task != "classification":
            raise DataError(
                f"--pairs: pairs of texts are classified; this model is for "
                f"{subnet.task}. Leave the option out."
            )
        name = str(self.file or "standard input")
        stream = sys.stdin.buffer if self.file is None else self.file.open("rb")
        with stream:
            for first, lines in _chunks(stream, name):
                places = [f"{name}, line {first + i}" for i in range(len(lines))]
                for prediction in self._predict(subnet, lines, places):
                    line = json.dumps(_plain(prediction), ensure_ascii=False)
                    print(line)

    def _predict(
        self, subnet: "Subnet", lines: list[str], places: list[str]
    ) -> list[Any]:
        language = self.language or None
        if subnet.task == "qa":
            read = _read_question
        elif self.pairs:
            read = _read_pair
        else:
            return subnet.predict(lines, language=language)
        pairs = [read(*one) for one in zip(lines, places, strict=True)]
        firsts, seconds = zip(*pairs, strict=True)
        return subnet.predict(firsts, seconds, language=language)


def _read_question(line: str, place: str) -> tuple[str, str]:
    """Question and context of a line, both with some text."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{place}: must be a JSON object {ASKED}; got: {error}. Correct the line."
        ) from error
    values = [found.get(k) if isinstance(found, dict) else None for k in KEYS]
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    if len(texts) < len(KEYS):
        raise DataError(
            f"{place}: must be a JSON object {ASKED} with a text in both; got "
            f"{line[:200]}. Correct or remove the line."
        )
    return texts[0], texts[1]


def _read_pair(line: str, place: str) -> tuple[str, str]:
    """The two texts of a line."""
    first, tab, second = line.partition("\t")
    if not tab:
        raise DataError(
            f"{place}: must be two texts with a tab between; got no tab in "
            f"{line[:200]!r}. Correct the line, or leave --pairs out."
        )
    return first, second


def _plain(value: Any) -> Any:
    """Tuples with names as objects; what JSON has no number for as null."""
    if isinstance(value, tuple):
        entries = [_plain(entry) for entry in value]
        names = getattr(value, "_fields", ())
        return dict(zip(names, entries, strict=True)) if names else entries
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _chunks(stream: BinaryIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """Lines without their ends, some hundred at a time, after the first's number."""
    lines: list[str] = []
    first = 1
    for number, raw in enumerate(stream, start=1):
        try:
            lines.append(raw.decode("utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: must be UTF-8; byte {error.start} is not. "
                f"Convert the file first, for instance with iconv."
            ) from error
        if len(lines) == CHUNK:
            yield first, lines
            first, lines = number + 1, []
    if lines:
        yield first, lines
