"""What `xlnas` says of itself: versions, and how a shell completes it.

Nothing is imported for versions: they are those of what is installed.
"""

import contextlib
import io
import platform
import sys
from collections.abc import Sequence

from xlnas_jax.terminal.versions import version_of

VERSION, COMPLETION = "--version", "--completion"
SHELLS = ("bash", "zsh")
# What bug reports need, beside the package.
_BENEATH = ("jax", "jaxlib", "flax")


def answer(given: Sequence[str]) -> bool:
    """Prints what is asked of the command as a whole; False where nothing is.

    Raises:
        ConfigError: a shell is asked for that cannot be completed in.
    """
    if list(given) == [VERSION]:
        print("\n".join(version_lines()))
        return True
    # Both spellings, as of every other option.
    name, equals, value = given[0].partition("=") if given else ("", "", "")
    if name != COMPLETION:
        return False
    shells = [value, *given[1:]] if equals else list(given[1:])
    sys.stdout.write(completion_of(shells))
    return True


def version_lines() -> list[str]:
    """A name and its version a line; the package's first."""
    found = [f"xlnas {version_of('xlnas-jax')}"]
    found += [f"{name} {version_of(name)}" for name in _BENEATH]
    return [*found, f"python {platform.python_version()}"]


def completion_of(shells: Sequence[str]) -> str:
    """The script by which a shell completes commands, options and files."""
    # Commands, their options and their errors: a second of imports.
    from xlnas_jax.cli.commands import parse
    from xlnas_jax.types import ConfigError, brief

    if len(shells) != 1 or shells[0] not in SHELLS:
        got = brief(" ".join(shells)) if shells else "none"
        raise ConfigError(
            f"{COMPLETION}: one of {' and '.join(SHELLS)} must be named; got {got}."
        )
    script = io.StringIO()
    # The parser prints it as it prints a help text, and ends.
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(script):
        parse(["--tyro-print-completion", *shells])
    return script.getvalue()
