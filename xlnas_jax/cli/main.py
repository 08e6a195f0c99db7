"""The `xlnas` command: one sub-command a file, errors in one paragraph."""

import sys
import warnings
from collections.abc import Sequence

import tyro

from xlnas_jax.cli.bench import Bench
from xlnas_jax.cli.describe import Describe
from xlnas_jax.cli.evaluate import Evaluate
from xlnas_jax.cli.export import Export
from xlnas_jax.cli.predict import Predict
from xlnas_jax.cli.search import Search
from xlnas_jax.types import XlnasError

COMMANDS = {
    "describe": Describe,
    "search": Search,
    "export": Export,
    "evaluate": Evaluate,
    "predict": Predict,
    "bench": Bench,
}
OK, WRONG_INPUT, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a sub-command and exits with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs a sub-command; 0 only on success, 2 for what the user can mend."""
    given = [argument for argument in arguments if argument != "--debug"]
    is_debug = len(given) != len(arguments)
    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="xlnas",
        description="Neural architecture search for cross-lingual transfer, in JAX. "
        "Every command takes --debug to show a traceback.",
        args=given,
    )
    try:
        # Restored afterwards: a caller in Python keeps its own way of warning.
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            command.run()
    except KeyboardInterrupt:
        print("xlnas: interrupted; the same command resumes a search.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except (XlnasError, OSError) as error:
        if is_debug:
            raise
        print(f"xlnas: {error}", file=sys.stderr)
        return WRONG_INPUT
    return OK


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """One line on stderr, without the place in our code that a user cannot mend."""
    print(f"xlnas: warning: {message}", file=sys.stderr)
