"""`xlnas predict`: one JSON object per input line."""

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import tyro

from xlnas_jax.files import located, open_given
from xlnas_jax.types import DataError


@dataclass(frozen=True)
class Predict:
    """Predict what the model is for, for every line of a file or of standard input.

    Attributes:
        model: an exported model directory, or the name of one on the hub.
        file: UTF-8 text, one example a line; standard input if not given. For
            tagging, words between white space; for questions, JSON objects with
            `question` and `context`, where blank lines are passed over.
        language: of the text, where the model has output layers for some languages.
        pairs: for classification: every line holds two texts with a tab between.
        also: further models of the same task, of any architectures: what is predicted
            is the likeliest by the mean of all probabilities.
    """

    model: Annotated[Path, tyro.conf.Positional]
    file: Annotated[Path | None, tyro.conf.Positional] = None
    language: str = ""
    pairs: bool = False
    also: tuple[Path, ...] = ()

    def run(self) -> None:
        """Writes the fields of each prediction, in the order of the lines."""
        from xlnas_jax.export.artifact.load import load
        from xlnas_jax.export.ensemble import Ensemble
        from xlnas_jax.export.predicting import inputs
        from xlnas_jax.export.predicting.plain import to_plain
        from xlnas_jax.terminal.report import Reporter

        subnet = load(self.model)
        if self.also:
            subnet = Ensemble([subnet, *map(load, self.also)])
        if self.pairs and subnet.task != "classification":
            raise DataError(
                f"--pairs: pairs of texts are classified; this model is for "
                f"{subnet.task}. Leave the option out."
            )
        read = inputs.read_pair if self.pairs else inputs.read_text
        read = inputs.read_question if subnet.task == "qa" else read
        with _opened(self.file) as stream, Reporter() as report:
            name = str(self.file or "standard input")
            size = _size(stream) if self.file else 0
            for texts in inputs.read_inputs(stream, name, read):
                if size:
                    report("predicting, bytes", min(stream.tell(), size - 1), size)
                columns = [list(column) for column in zip(*texts, strict=True)]
                for found in subnet.predict(*columns, language=self.language or None):
                    print(json.dumps(to_plain(found), ensure_ascii=False))


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """What is to be read: a file, a pipe that a shell made, or standard input."""
    if file is None:
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open_given(file))
        except OSError as error:
            raise DataError(
                f"{located(file)}: must be a readable file; got: "
                f"{error.strerror or error}. Give a text file, or none."
            ) from error
        yield stream


def _size(stream: BinaryIO) -> int:
    """Bytes of a file that is predicted into another one.

    0 where nothing can be said of how far it is, or where the lines themselves say it.
    """
    state = os.fstat(stream.fileno()) if not sys.stdout.isatty() else None
    return state.st_size if state is not None and stat.S_ISREG(state.st_mode) else 0
