"""Uniformly scaled networks: the same choices in all kept layers, evenly kept."""

import itertools

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.space import SearchSpace


def uniform_rows(space: SearchSpace) -> Int[np.ndarray, "pop site"]:
    """Every uniformly scaled network of a space, each once, in canonical form.

    One for each depth and each choice of every other knob; layers are dropped evenly.
    """
    keep = space.knob("keep")
    others = [knob for knob in space.knobs if knob.name != "keep"]
    is_elastic = len(keep.choices) > 1
    depths = range(space.min_layers, keep.sites + 1) if is_elastic else (keep.sites,)
    rows = []
    for depth in depths:
        is_kept = np.zeros(keep.sites, bool)
        is_kept[np.linspace(0, keep.sites - 1, depth).round().astype(int)] = True
        kept = np.where(is_kept, keep.choices.index(1), 0)
        for chosen in itertools.product(*(range(len(k.choices)) for k in others)):
            row = np.zeros(len(space.num_choices), np.int32)
            row[space.columns("keep")] = kept
            for knob, choice in zip(others, chosen, strict=True):
                row[space.columns(knob.name)] = choice
            rows.append(row)
    return space.canonical(np.stack(rows))
