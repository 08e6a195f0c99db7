"""Streams, signals and locales: what stands around a command."""

import os
import signal
import subprocess
import sys
import time

import pytest

from xlnas_jax.cli import commands
from xlnas_jax.cli.main import INTERRUPTED, OK, TERMINATED, WRONG_INPUT, run
from xlnas_jax.types import ConfigError

# Commands that import little, with a text that ASCII has not.
SAY = "import sys; from xlnas_jax.cli.main import main; main(['describe', 'modèle'])"


@pytest.fixture
def command(monkeypatch):
    """Has every command do what a test wants."""

    def make(action):
        class Command:
            def run(self):
                action()

        monkeypatch.setattr(commands, "parse", lambda arguments: Command())

    return make


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "xlnas: interrupted"),
        (ConfigError("seed: must be"), WRONG_INPUT, "xlnas: seed: must be\n"),
        (FileNotFoundError(2, "No such file", "x"), WRONG_INPUT, "No such file"),
        (MemoryError("Unable to allocate 1 TiB"), WRONG_INPUT, "Unable to allocate"),
        (MemoryError(), WRONG_INPUT, "not enough memory"),
        (
            UnicodeEncodeError("utf-8", "\ud800" * 1000, 0, 1, "surrogates"),
            WRONG_INPUT,
            "which no encoding can write",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_paragraph(error, code, said, command, capsys):
    command(raising(error))
    assert run(["search"]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 400


def test_a_fault_of_ours_is_seen(command):
    command(raising(KeyError("ours")))
    with pytest.raises(KeyError):
        run(["search"])


def test_debug_shows_the_traceback(command):
    command(raising(ConfigError("x")))
    with pytest.raises(ConfigError):
        run(["search", "--debug"])


def test_sigterm_ends_a_command_in_one_line(command, capsys):
    command(lambda: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    assert run(["search"]) == TERMINATED
    assert "resumes a search" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def in_shell(redirection, variables=None):
    """The command's exit code and standard error, with streams as a shell has them."""
    done = subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, SAY],
        env={**os.environ, **(variables or {})},
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("redirection", ["<&- >&-", "2>&-"])
def test_closed_streams_are_no_fault(redirection):
    code, said = in_shell(redirection)
    assert code == WRONG_INPUT
    assert b"Traceback" not in said


def test_what_is_said_is_utf8_whatever_the_locale():
    code, said = in_shell("", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert code == WRONG_INPUT
    assert said.decode().startswith("xlnas: modèle")


def test_a_closed_pipe_ends_a_command_without_a_word():
    code = "from xlnas_jax.cli import commands, main\n"
    code += "class Command:\n    def run(self):\n"
    code += "        for _ in range(100_000): print('a line of text')\n"
    code += "commands.parse = lambda arguments: Command()\nmain.main(['x'])"
    pipe = '"$0" -c "$1" | head -1; exit ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", pipe, sys.executable, code],
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (OK, b"a line of text\n", b"")


def test_an_interrupt_after_the_end_is_no_traceback():
    code = "import atexit, os, signal; from xlnas_jax.cli import commands, main\n"
    code += "class Command:\n    def run(self): print('done')\n"
    code += "commands.parse = lambda arguments: Command()\n"
    code += "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
    code += "main.main(['x'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_threads_that_go_on_writing_say_nothing_of_an_interrupt():
    """As Orbax's: one fails as its files are deleted, one at Python's own end."""
    code = """
import asyncio, os, signal, sys, threading, time
from xlnas_jax.cli import (
    commands,
    main,
)

def fail():
    time.sleep(0.2)
    raise FileNotFoundError("what was just deleted")

async def late():
    while True:
        await asyncio.to_thread(time.sleep, 0.001)

class Command:
    def run(self):
        failing = threading.Thread(target=fail)
        failing.start()
        threading.Thread(target=lambda: asyncio.run(late())).start()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        finally:
            failing.join()

commands.parse = lambda arguments: Command()
main.main(["x"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "xlnas: interrupted; the same command resumes a search.\n"


WAITS = 30  # seconds
INTERRUPTED_ANYWHERE = """
import gc, os, signal, sys, time
from xlnas_jax.cli import (
    commands,
    main,
)

def ask():
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.1)

def collected(phase, info):
    gc.callbacks.remove(collected)
    ask()

class Command:
    def run(self):
        where = sys.argv[1]
        if where == "collector":
            gc.callbacks.append(collected)
            gc.collect()
            time.sleep({waits})
            print("nobody heard")
        try:
            ask()
        except BaseException as error:
            raise ImportError("half an import") from error

commands.parse = lambda arguments: Command()
main.main(["x"])
"""


@pytest.mark.parametrize("where", ["collector", "import"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_is_heard_wherever_it_comes(where, name, code):
    """Once: in a callback of the collector, of which JAX has one, it would be lost."""
    script = INTERRUPTED_ANYWHERE.replace("{name}", name)
    script = script.replace("{waits}", str(WAITS))
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, where],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - begun < WAITS  # it did not wait for the call to end
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("xlnas: ") and done.stderr.count("\n") == 1
    assert "the same command resumes" in done.stderr


def test_a_signal_that_is_ignored_stays_so():
    script = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    script += INTERRUPTED_ANYWHERE.replace("{name}", "SIGINT")
    script = script.replace("time.sleep({waits})", "return")
    done = subprocess.run(
        [sys.executable, "-c", script, "collector"], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
