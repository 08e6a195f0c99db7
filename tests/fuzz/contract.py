"""What must hold for any input: the right value, or one paragraph that refuses it.

Never a traceback, a hang, a write outside the directory that is being worked in. A
few hundred inputs are generated in the default suite, some thousand by `make fuzz`;
the same ones each time.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from hypothesis import HealthCheck, settings

from xlnas_jax.types import XlnasError

Value = TypeVar("Value")
IS_LONG = "XLNAS_FUZZ" in os.environ
MAX_SECONDS = 20.0
# A message is read on a terminal: a value of the user's is cut short in it.
MAX_MESSAGE = 4000
# Files that only claim to be large are told by their size: no memory holds them.
LARGE = 1 << 24


def generated(quick: int, long: int) -> settings:
    """Settings of a property: how many inputs by default, and by `make fuzz`."""
    return settings(
        max_examples=long if IS_LONG else quick,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@dataclass
class Tally:
    """How many inputs were answered, and how."""

    accepted: int = 0
    refused: int = 0

    def holds(self, action: Callable[[], Value]) -> Value | None:
        """The value of an action, or None where it refuses its input in a paragraph.

        Whatever else it raises passes through, and so fails the test.
        """
        try:
            with within(MAX_SECONDS):
                value = action()
        except XlnasError as error:
            require_paragraph(str(error))
            self.refused += 1
            return None
        self.accepted += 1
        return value


def require_paragraph(message: str) -> None:
    """One line that any terminal can show."""
    assert message.strip(), "a refusal says why"
    assert len(message) <= MAX_MESSAGE, f"{len(message)} characters"
    assert not set(message) & set("\n\r\x00\x1b"), f"not one paragraph: {message!r}"
    message.encode()


@contextlib.contextmanager
def within(seconds: float, *, computed: bool = False) -> Iterator[None]:
    """Raise `TimeoutError` in an action that takes longer.

    Args:
        seconds: on the clock, since what waits for ever computes nothing.
        computed: of this process on a processor instead, which is the same however busy
            the machine is.
    """
    timer, sent = signal.ITIMER_REAL, signal.SIGALRM
    if computed:
        timer, sent = signal.ITIMER_PROF, signal.SIGPROF

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"still going after {seconds} s")

    before = signal.signal(sent, stop)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(sent, before)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything below a folder, links unfollowed: to see that nothing changed."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content: bytes | str = b""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            is_small = state.st_size < LARGE
            content = path.read_bytes() if is_small else f"{state.st_size} bytes"
        found[str(path.relative_to(folder))] = (state.st_mode, content)
    return found
