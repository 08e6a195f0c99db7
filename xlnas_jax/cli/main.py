"""The `xlnas` command: streams, signals and errors, before anything is imported.

What takes seconds to import is imported within `run`, so that an interrupt at any
instant ends in one line.
"""

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

OK, WRONG_INPUT, INTERRUPTED, TERMINATED = 0, 2, 130, 143
# After which a signal that nobody heard is sent again.
_AGAIN_SECONDS = 0.05


class Terminated(BaseException):
    """The system asks the process to end."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a sub-command and exits with its code."""
    open_streams()
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
    # The window before `run` has its own handlers is small, but it is there.
    except KeyboardInterrupt:
        code = INTERRUPTED
    # All is done and said: what an interrupt would meet now is Python's own end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code in (INTERRUPTED, TERMINATED):
        # Threads of a library that writes would go on, and complain of the end.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs a sub-command; 0 only on success, 2 for what the user can mend."""
    given = [argument for argument in arguments if argument != "--debug"]
    is_debug = len(given) != len(arguments)
    asked: list[int] = []
    try:
        with _speaking(), _ending(asked):
            _run(given)
            # What a closed pipe does not take is noticed here, not on exit.
            sys.stdout.flush()
    except (KeyboardInterrupt, Terminated) as error:
        return _ended(isinstance(error, Terminated))
    except BrokenPipeError:
        # Whoever read the output has what it wanted.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        # An import that is interrupted may end in an error of its own.
        if asked and not is_debug:
            return _ended(asked[0] == signal.SIGTERM)
        reason = _explain(error)
        if is_debug or not reason:
            raise
        _complain(reason)
        return WRONG_INPUT
    return OK


def _run(given: list[str]) -> None:
    from xlnas_jax.cli.about import answer

    if answer(given):
        return
    from xlnas_jax.cli.commands import parse

    parse(given).run()


def _explain(error: Exception) -> str:
    """One paragraph on what the user can mend; "" for faults of ours."""
    from xlnas_jax.terminal.text import plain
    from xlnas_jax.types import XlnasError, brief

    if isinstance(error, XlnasError | OSError):
        return plain(str(error))
    if isinstance(error, MemoryError):
        return f"there is not enough memory for this: {error or 'none was left'}."
    if isinstance(error, UnicodeEncodeError):
        return f"must be text; got {brief(error.object)}, which no encoding can write."
    return ""


def _ended(by_system: bool) -> int:
    what = "ended by the system" if by_system else "interrupted"
    _complain(f"{what}; the same command resumes a search.")
    return TERMINATED if by_system else INTERRUPTED


def _complain(text: str) -> None:
    print(f"xlnas: {text}", file=sys.stderr)


@contextmanager
def _speaking() -> Iterator[None]:
    """Output in UTF-8 whatever the locale, and warnings in one line.

    Restored afterwards: a caller in Python keeps its own way of warning.
    """
    for stream in (sys.stdout, sys.stderr):
        # Lone surrogates are bytes of a path: shown, not refused.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        yield


@contextmanager
def _ending(asked: list[int]) -> Iterator[None]:
    """Has SIGINT and SIGTERM end the command, and not in the middle of a write.

    Only the main thread can ask for that. What is ignored stays so.

    Args:
        asked: takes the signals that came.
    """

    def end(number: int, frame: FrameType | None) -> NoReturn:
        asked.append(number)
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    except ValueError:
        yield
        return
    hook, sys.unraisablehook = sys.unraisablehook, _insisting(sys.unraisablehook, asked)
    # What threads meet whose files are being deleted is no news any more.
    speak, threading.excepthook = (
        threading.excepthook,
        _unless(threading.excepthook, asked),
    )
    try:
        yield
    finally:
        sys.unraisablehook = hook
        threading.excepthook = speak
        for number, handler in before.items():
            signal.signal(number, handler)


def _unless(
    outer: Callable[[Any], object], asked: list[int]
) -> Callable[[Any], object]:
    """Tells of an exception that ended a thread, unless the command is to end."""

    def hook(found: Any) -> None:
        if not asked:
            outer(found)

    return hook


def _insisting(
    outer: Callable[[Any], object], asked: list[int]
) -> Callable[[Any], object]:
    """Sends a signal again that came where no exception is heard, and was lost there.

    That is in callbacks of the garbage collector, of which JAX has one.
    """

    def insist(number: int, before: int) -> None:
        # In the main thread alone it wakes a call that waits; not one that is just
        # about to. So it is sent until its handler has run.
        main = threading.main_thread().ident
        assert main is not None
        time.sleep(_AGAIN_SECONDS)
        while len(asked) == before:
            signal.pthread_kill(main, number)
            time.sleep(_AGAIN_SECONDS)

    def hook(unraisable: Any) -> None:
        ends = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}
        number = ends.get(unraisable.exc_type)
        if number is None:
            outer(unraisable)
            return
        given = number, len(asked)
        threading.Thread(target=insist, args=given, daemon=True).start()

    return hook


def open_streams() -> None:
    """Has something stand where standard streams are closed.

    A file that the search opens would take the number of a closed one, and what a
    library prints would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """One line on stderr, without the place in our code that a user cannot mend."""
    from xlnas_jax.terminal.text import plain

    print(f"xlnas: warning: {plain(str(message))}", file=sys.stderr)
