"""The other side of `worker.py`: starts a process and waits for its answers."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


class WorkerError(RuntimeError):
    """A worker that failed or is gone."""


class Worker:
    """One system's process; it rests between requests."""

    def __init__(self, name: str, python: str, script: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        environment = {
            # Threads that wait must not take the cores from the system at work.
            "OMP_WAIT_POLICY": "passive",
            # Compilation is measured: nothing may come from an earlier run.
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            **os.environ,
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [python, str(FOLDER / script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
            )

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """One request and its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": self._last_words()}
        if "error" in answer:
            raise WorkerError(f"{self.name}: {do} failed.\n{answer['error']}")
        return answer

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] or "It said nothing."

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait(timeout=30)
