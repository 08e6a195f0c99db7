"""The reference of the commands: what each says with `--help`."""

import contextlib
import io
import os
import textwrap
from collections.abc import Iterator

from xlnas_jax.cli.commands import COMMANDS, parse

WIDTH = 88
TITLE = """# Every command

What each says of itself with `--help`. Every command takes `--debug` to show a
traceback; the exit code is 0 on success alone, and 2 for what can be mended.

"""


def commands_page() -> str:
    """The whole page, in Markdown."""
    parts = [f"## xlnas {name}\n\n```text\n{help_of(name)}\n```\n" for name in COMMANDS]
    return TITLE + "\n".join(parts)


def help_of(name: str) -> str:
    """What `xlnas NAME --help` prints, without its first and last blank lines."""
    said = io.StringIO()
    with _wide(), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        parse([name, "--help"])
    lines = said.getvalue().strip("\n").splitlines()
    # What a command is, is printed in one line, for the terminal to break.
    return "\n".join(textwrap.fill(n, WIDTH) if len(n) > WIDTH else n for n in lines)


@contextlib.contextmanager
def _wide() -> Iterator[None]:
    """The same width wherever the page is made."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
