"""What `xlnas compare` and `xlnas ablate` are given and show alike."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xlnas_jax.terminal.text import Grid, make_console, say
from xlnas_jax.types import ConfigError

_MOST_SEEDS = 100


def names_of(given: Sequence[str]) -> list[str]:
    """Names with commas or spaces between them."""
    return [name for part in given for name in part.split(",") if name]


def require_seeds(count: int) -> None:
    """An error unless there is one, and no more than anybody runs."""
    if not 1 <= count <= _MOST_SEEDS:
        raise ConfigError(f"--seeds: must be between 1 and {_MOST_SEEDS}; got {count}.")


def show(
    document: dict[str, Any], tables: Iterable[Grid], folder: Path, plot: Path | None
) -> None:
    """Prints tables, and writes them as a page and, if asked, as a picture."""
    from xlnas_jax.comparison.plot import plot_comparison
    from xlnas_jax.comparison.tables import to_markdown
    from xlnas_jax.files import write_text

    console, every = make_console(), list(tables)
    for table in every:
        console.print(table)
    write_text(folder / "comparison.md", to_markdown(every))
    if plot is not None:
        plot_comparison(document, plot)
    say(console, f"Written: {folder}/comparison.json and comparison.md")
