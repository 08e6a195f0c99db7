"""What the server says of itself: a JSON object a line, without anybody's texts."""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from xlnas_jax.serve.front import Noted

_LEVELS = ((500, "error"), (400, "warning"), (0, "info"))


class Log:
    """Writes events, in whole lines, from any thread."""

    def __init__(self, say: Callable[[str], object] | None = None) -> None:
        self._say = say or sys.stderr.write
        self._lock = threading.Lock()

    def write(self, event: str, level: str = "info", **facts: Any) -> None:
        """One line."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        content = {"time": time, "level": level, "event": event, **facts}
        line = json.dumps(content, ensure_ascii=False, default=str) + "\n"
        with self._lock:
            self._say(line)

    def note(self, request: Noted) -> None:
        """What became of a request."""
        level = next(name for least, name in _LEVELS if request.status >= least)
        facts = {
            "method": request.method,
            "path": request.path,
            "status": request.status,
            "ms": round(1000 * request.seconds, 2),
        }
        for name in ("model", "texts", "fault"):
            if value := getattr(request, name):
                facts[name] = value
        self.write("request", level, **facts)


class Told(logging.Handler):
    """What the HTTP library logs, in the same lines."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Without the traceback, whose error may have somebody's text."""
        fault = ""
        if record.exc_info and record.exc_info[0] is not None:
            fault = record.exc_info[0].__name__
        facts = {"message": record.getMessage(), **({"fault": fault} if fault else {})}
        self._log.write("http", record.levelname.lower(), **facts)
