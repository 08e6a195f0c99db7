"""What `xlnas align` prints."""

from collections.abc import Sequence

import numpy as np

from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.languages.codes import titled
from xlnas_jax.results.alignment.measured import SCORE, Aligned, best_layer
from xlnas_jax.terminal.text import Grid


def alignment_tables(part: TaskPart, found: Sequence[Aligned]) -> list[Grid]:
    """The combined score by layer, and every measure where it is highest."""
    best = best_layer(found)
    return [_by_layer(part, found, best), _at(part, found, best)]


def _by_layer(part: TaskPart, found: Sequence[Aligned], best: int) -> Grid:
    rows = [
        (titled(one.language, part.codes[one.language]), *map(_two, one.of(SCORE)))
        for one in found
    ]
    means = np.mean([one.of(SCORE) for one in found], axis=0)
    rows.append(("mean", *map(_two, means)))
    layers = range(1, len(found[0].layers))
    source = titled(part.roles.source, part.codes[part.roles.source])
    return Grid(
        f"Alignment with {source} by layer (combined score; 1 is best)",
        ("language", "emb", *map(str, layers)),
        rows,
        (f"Highest on average: {_named(best)}.",),
        rule=len(rows) - 1,
    )


def _at(part: TaskPart, found: Sequence[Aligned], layer: int) -> Grid:
    rows = []
    for one in found:
        values = one.layers[layer]
        rows.append(
            (
                titled(one.language, part.codes[one.language]),
                part.roles.role_of(one.language),
                f"{one.num_pairs:,}",
                f"{values[SCORE]:.3f}",
                f"{values['score_error']:.3f}",
                *(f"{values[name]:.3f}" for name in MEASURES if name != SCORE),
            )
        )
    others = (name for name in MEASURES if name != SCORE)
    headings = ("language", "role", "pairs", SCORE, "its error", *others)
    notes = tuple(
        f"{one.name}: {one.meaning}, {'higher' if one.is_better_high else 'lower'} is "
        f"more alike"
        for one in MEASURES.values()
    )
    return Grid(f"Every measure at {_named(layer)}", headings, rows, notes)


def _named(layer: int) -> str:
    return f"layer {layer}" if layer else "the embeddings"


def _two(value: float) -> str:
    return f"{value:.2f}"
