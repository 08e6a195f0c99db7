"""The mean of weights: of one run as it went on, checkpoint after checkpoint.

A mean is more even across languages than its last checkpoint, and it takes no labels to
choose it. It is carried as one tree beside the weights and changes a few times only, so
that a run which goes on from a saved state ends with the same bits; a moving average
would read and write all weights in every step.

References:
    Schmidt, Vulic & Glavas, "Free Lunch: Robust Cross-Lingual Transfer via Model
    Checkpoint Averaging", 2023. https://arxiv.org/abs/2305.16834
"""

from typing import Any

import jax
from jaxtyping import Array, Float


def checkpoints(num_steps: int, count: int) -> dict[int, int]:
    """After which steps of a run weights are taken, and how many have been by then.

    They are spread evenly, and the last step's are among them.
    """
    return {round(num_steps * n / count): n for n in range(1, count + 1)}


def with_checkpoint(mean: Any, params: Any, number: Float[Array, ""]) -> Any:
    """The mean of so many checkpoints, of the mean of those before and the last one.

    Of the first it is the weights themselves, whatever finite numbers were there; of
    equal ones it stays them, to the last bit.
    """

    def moved(mean: Float[Array, "..."], leaf: Float[Array, "..."]) -> Any:
        return mean + (leaf - mean) / number

    return jax.tree.map(moved, mean, params)
