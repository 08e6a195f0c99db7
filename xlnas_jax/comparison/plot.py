"""The picture of a comparison: what every method gains in every language."""

from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.results.tables import PRIMARY


def plot_comparison(document: dict[str, Any], file: Path) -> None:
    """Target means of all seeds, and beside them languages and methods as a map."""
    from matplotlib.figure import Figure

    tasks = document["tasks"]
    methods = list(next(iter(document["summary"].values())))
    height = 1.6 + 0.34 * len(methods)
    figure = Figure(figsize=(11.0, height * len(tasks)), layout="constrained")
    every = figure.subplots(len(tasks), 2, squeeze=False, width_ratios=(2, 3))
    for (name, task), (left, right) in zip(tasks.items(), every, strict=True):
        found = document["summary"][name]
        for place, method in enumerate(methods):
            one = found[method]
            values = 100 * np.asarray(one["target_mean_by_seed"], float)
            left.plot(values, [place] * len(values), "o", color="tab:gray", alpha=0.6)
            left.plot([values.mean()], [place], "|", color="black", markersize=18)
        left.set_yticks(range(len(methods)), methods)
        left.set_ylim(len(methods) - 0.5, -0.5)
        left.grid(axis="x", alpha=0.3)
        left.set_xlabel("target mean (%): seeds, and their mean")
        prefix = "" if name == "task" else f"{name}: "
        left.set_title(f"{prefix}{PRIMARY[task['primary']]}", fontsize=10)
        _map(figure, right, task, found, methods)
    figure.savefig(file, dpi=150)


def _map(
    figure: Any, axes: Any, task: dict[str, Any], found: dict[str, Any], methods: list
) -> None:
    """Points gained over the first method, by target."""
    columns = task["roles"]["target"]
    scores = 100 * np.asarray(
        [[found[m]["languages"][c] for c in columns] for m in methods], float
    )
    gains = scores - scores[:1]
    reach = max(1.0, float(np.nanmax(np.abs(gains))))
    image = axes.imshow(gains, aspect="auto", cmap="RdBu", vmin=-reach, vmax=reach)
    axes.set_yticks(range(len(methods)), methods, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=45, ha="right")
    for row, column in np.ndindex(*gains.shape):
        value = f"{gains[row, column]:+.1f}" if row else f"{scores[row, column]:.0f}"
        shade = "white" if abs(gains[row, column]) > 0.6 * reach else "black"
        axes.text(column, row, value, ha="center", va="center", fontsize=7, color=shade)
    title = f"points gained over {methods[0]} (its own score first)"
    axes.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes, fraction=0.03)
