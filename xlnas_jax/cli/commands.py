"""The sub-commands, one a file, and how their arguments are read."""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_origin, get_type_hints

import tyro

from xlnas_jax.cli.ablate import Ablate
from xlnas_jax.cli.align import Align
from xlnas_jax.cli.bench import Bench
from xlnas_jax.cli.compare import Compare
from xlnas_jax.cli.describe import Describe
from xlnas_jax.cli.export import Export
from xlnas_jax.cli.init import Init
from xlnas_jax.cli.models.average import Average
from xlnas_jax.cli.models.evaluate import Evaluate
from xlnas_jax.cli.models.extend import Extend
from xlnas_jax.cli.models.predict import Predict
from xlnas_jax.cli.models.serve import Serve
from xlnas_jax.cli.models.trim import Trim
from xlnas_jax.cli.pretrain import Pretrain
from xlnas_jax.cli.report import Report
from xlnas_jax.cli.runs import Runs, Watch
from xlnas_jax.cli.search import Search
from xlnas_jax.config.reading.file import require_once
from xlnas_jax.types import ConfigError

COMMANDS = {
    "init": Init,
    "describe": Describe,
    "search": Search,
    "watch": Watch,
    "runs": Runs,
    "extend": Extend,
    "pretrain": Pretrain,
    "export": Export,
    "evaluate": Evaluate,
    "predict": Predict,
    "serve": Serve,
    "trim": Trim,
    "average": Average,
    "align": Align,
    "compare": Compare,
    "ablate": Ablate,
    "report": Report,
    "bench": Bench,
}


def parse(arguments: Sequence[str]) -> Any:
    """The command that arguments ask for, with its options; `run` runs it.

    Raises:
        ConfigError: an option that takes one value is given twice.
        SystemExit: they ask for help, or for what there is not.
    """
    given = list(arguments)
    if given and given[0] in COMMANDS:
        given[1:] = gather(given[1:], _repeatable(COMMANDS[given[0]]))
    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="xlnas",
        description="Neural architecture search for cross-lingual transfer, in JAX. "
        "Options that take several values may be given several times, and all count. "
        "Every command takes --debug to show a traceback. Alone stand --version, "
        "and --completion bash or zsh, which prints what completes commands there.",
        args=given,
    )
    require_once(getattr(command, "set", ()))
    return command


def gather(arguments: Sequence[str], repeatable: set[str]) -> list[str]:
    """The same arguments with each option once, and all its values behind it.

    Args:
        repeatable: names of the options whose mentions add up. The parser would keep
            the values of the last mention alone.

    Raises:
        ConfigError: another option is given twice.
    """
    groups: dict[str, list[str]] = {"": []}
    name = ""
    for position, argument in enumerate(arguments):
        if argument == "--":  # what follows is not ours
            groups["--"] = list(arguments[position:])
            break
        if not argument.startswith("--"):
            groups[name].append(argument)
            continue
        option, equals, value = argument.partition("=")
        name = option.replace("_", "-")
        if name in groups and name not in repeatable:
            raise ConfigError(
                f"{option}: must be given once; it is given twice. Leave one out."
            )
        groups.setdefault(name, [option]).extend([value] if equals else [])
    return [argument for group in groups.values() for argument in group]


def _repeatable(command: type) -> set[str]:
    """Options of a command that take any number of values, or none."""
    hints = get_type_hints(command)
    return {
        f"--{field.name.replace('_', '-')}"
        for field in dataclasses.fields(command)
        if get_origin(hints[field.name]) is tuple or hints[field.name] is bool
    }
