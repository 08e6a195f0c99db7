"""The lines of a log that is being written: whole ones, as they are added."""

import os
from pathlib import Path
from typing import Any

from xlnas_jax.files import open_regular, parse_json
from xlnas_jax.types import CheckpointError, brief


class Lines:
    """Rounds of `metrics.jsonl`, read on from where they were read last.

    A last line without its end is still being written: it is read when it is whole. A
    run that goes on may drop rounds, and writes the file anew; then all are read again.

    Attributes:
        rounds: every round that is logged, by its number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rounds: dict[int, dict[str, Any]] = {}
        self._offset = self._number = self._file = 0

    def read(self) -> list[dict[str, Any]]:
        """Rounds that were added, or are others than they were.

        Raises:
            CheckpointError: a whole line is none of a log.
        """
        try:
            with open_regular(self.path, follow=False) as file:
                state = os.fstat(file.fileno())
                if state.st_ino != self._file or state.st_size < self._offset:
                    self._file, self._offset, self._number = state.st_ino, 0, 0
                before = {} if self._offset else self.rounds
                if not self._offset:
                    self.rounds = {}
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(
                f"{self.path}: must be a readable file; got: "
                f"{error.strerror or error}. See to its rights and its disk."
            ) from error
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        added = [self._parsed(line) for line in whole.split(b"\n")[:-1]]
        self.rounds |= {record["round"]: record for record in added}
        return [one for one in added if before.get(one["round"]) != one]

    def _parsed(self, line: bytes) -> dict[str, Any]:
        self._number += 1
        try:
            record = parse_json(line.decode())
        except ValueError:
            record = None
        if not isinstance(record, dict) or type(record.get("round")) is not int:
            raise CheckpointError(
                f"{self.path}, line {self._number}: must be a JSON object with its "
                f"round; got {brief(line.decode(errors='replace'))}. Move the file "
                f"away; the rounds from the last saved state on are logged."
            )
        return record
