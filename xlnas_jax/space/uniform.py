"""Uniformly scaled networks: the same choices in all kept layers, evenly kept."""

import itertools

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.space import SearchSpace


def uniform_rows(
    space: SearchSpace, bottom: bool = False
) -> Int[np.ndarray, "pop site"]:
    """Every uniformly scaled network of a space, each once, in canonical form.

    One for each depth and each choice of every other knob; layers are dropped evenly.
    All of it is trained: how much is no matter of size.

    Args:
        bottom: keep the first layers instead.
    """
    gate, others = space.gate, space.knobs[1:]
    whole = [one.name for one in space.trainings if one.trains is not None]
    choices = [
        [len(k.choices) - 1] if k.name in whole else range(len(k.choices))
        for k in others
    ]
    depths = range(space.min_layers if space.is_elastic else gate.sites, gate.sites + 1)
    rows = []
    for depth in depths:
        is_kept = np.zeros(gate.sites, bool)
        places = np.linspace(0, gate.sites - 1, depth).round().astype(int)
        is_kept[np.arange(depth) if bottom else places] = True
        kept = np.where(is_kept, gate.choices.index(1), 0)
        for chosen in itertools.product(*choices):
            row = np.zeros(len(space.num_choices), np.int32)
            row[space.columns(gate.name)] = kept
            for knob, choice in zip(others, chosen, strict=True):
                row[space.columns(knob.name)] = choice
            rows.append(row)
    found = space.canonical(np.stack(rows))
    # Choices that leave out a stage make others the same.
    first = np.unique(found, axis=0, return_index=True)[1]
    return found[np.sort(first)]
