"""The picture of `xlnas align`: the combined score of every language and layer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.languages.codes import titled
from xlnas_jax.results.alignment.measured import SCORE, Aligned, best_layer
from xlnas_jax.types import ConfigError

FORMATS = (".png", ".svg", ".pdf")


def require_plots(file: Path) -> None:
    """Before anything is computed: that a picture can be drawn there.

    Raises:
        ConfigError: it cannot.
    """
    if file.suffix not in FORMATS:
        raise ConfigError(
            f"--plot: must end in one of {list(FORMATS)}; got {file.name!r}."
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "--plot: matplotlib must be installed; it is not. Leave the option out, or "
            "run: pip install 'xlnas-jax[plots]'"
        ) from error


def plot_alignment(part: TaskPart, found: Sequence[Aligned], file: Path) -> None:
    """Languages from the best aligned to the worst, layers from left to right."""
    from matplotlib.figure import Figure

    best = best_layer(found)
    order = sorted(found, key=lambda one: -one.of(SCORE)[best])
    scores = np.asarray([one.of(SCORE) for one in order])
    figure = Figure(figsize=(8.0, 1.6 + 0.24 * len(order)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(scores, aspect="auto", vmin=0.0, vmax=1.0, cmap="viridis")
    names = [titled(one.language, part.codes[one.language]) for one in order]
    axes.set_yticks(range(len(order)), names, fontsize=8)
    layers = ["emb", *map(str, range(1, scores.shape[1]))]
    axes.set_xticks(range(scores.shape[1]), layers, fontsize=8)
    axes.set_xlabel("layer")
    source = titled(part.roles.source, part.codes[part.roles.source])
    axes.set_title(f"Alignment with {source}, combined score", fontsize=10)
    for row, column in np.ndindex(*scores.shape):
        value = scores[row, column]
        shade = "white" if value < 0.6 else "black"
        axes.text(
            column, row, f"{value:.2f}", ha="center", va="center", size=6, color=shade
        )
    figure.colorbar(image, ax=axes, fraction=0.03)
    figure.savefig(file, dpi=150)
