"""Races over numbers that are known beforehand, without a network."""

import jax.numpy as jnp
import numpy as np

from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.data.batches.blocks import make_blocks
from xlnas_jax.evaluation.racing import Block, Race, make_race
from xlnas_jax.types import Batch


def numbered(num: int, languages: int = 1, batch: int = 16) -> tuple[Batch, ...]:
    """One bucket of examples whose label is their number; the last step is filled."""
    steps = -(-num // batch)
    number = np.arange(steps * batch).reshape(steps, batch)
    zeros = jnp.zeros((steps, batch, 1), jnp.int32)
    return (
        Batch(
            tokens=zeros,
            segments=zeros,
            length=jnp.ones((steps, batch), jnp.int32),
            label=jnp.asarray(number % num, jnp.int32),
            language=jnp.asarray(number % num % languages, jnp.int32),
            weight=jnp.asarray(number < num, jnp.float32),
        ),
    )


def mean_loss(sums: tuple) -> jnp.ndarray:
    """Mean over languages of the summed losses over the counts."""
    (own,) = sums
    return (own[..., 1] / own[..., 0].clip(min=1.0)).mean(-1)[:, None]


def run_race(
    losses: np.ndarray,
    config: RaceConfig,
    costs: np.ndarray | None = None,
    seed: int = 0,
    languages: int = 1,
    asked: list | None = None,
) -> Race:
    """Races the rows of a matrix of losses, one column for each example."""
    num = len(losses)
    blocks = make_blocks(numbered(losses.shape[1], languages), config.blocks, seed)

    def score(params: None, indices: np.ndarray, count: int, block: Block):
        if asked is not None:
            asked.append(indices[:count, 0].tolist())
        ((bucket,),) = block
        label, weight = np.asarray(bucket.label), np.asarray(bucket.weight)
        found = losses[indices[:, 0]][:, label] * weight
        ones = np.broadcast_to(weight, found.shape)
        return ((np.stack([ones, found], -1).astype(np.float32),),)

    run = make_race(config, score, mean_loss, [(b,) for b in blocks], [languages])
    costs = np.zeros((num, 0)) if costs is None else costs
    return run(None, np.arange(num, dtype=np.int32)[:, None], num, costs)
