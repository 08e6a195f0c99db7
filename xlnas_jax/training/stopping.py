"""When a network is trained no longer: what it does not learn from gets no better.

References:
    Prechelt, "Early Stopping - But When?", 1998.
    https://doi.org/10.1007/3-540-49430-8_3
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from xlnas_jax.supernet.params import SharedParams, SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.training.methods.base import Network, Setting
from xlnas_jax.types import Batch

# `(params, batches, row) -> loss`; `row` says which network, where it may be any.
DevLoss = Callable[..., Float[Array, ""]]


class Lowest(NamedTuple):
    """What is known of a loss after some looks at it.

    Attributes:
        value: the lowest that counts: one that is hardly lower than it does not.
        at: the look that it was seen at; 0 before there was one.
        looks: how many there were.
    """

    value: float = math.inf
    at: int = 0
    looks: int = 0

    def told(self, loss: float, min_delta: float = 0.0) -> "Lowest":
        """After one more look; a loss that is not a number is not lower."""
        looks = self.looks + 1
        if loss < self.value - min_delta:
            return Lowest(loss, looks, looks)
        return self._replace(looks=looks)

    @property
    def is_now(self) -> bool:
        """Whether the last look saw it."""
        return 0 < self.at == self.looks

    def is_over(self, patience: int) -> bool:
        """Whether as many looks as that have not seen a lower one."""
        return self.looks - self.at >= patience


def make_dev_loss(
    setting: Setting,
    supernet: Supernet,
    name: str,
    network_of: Callable[[Int[Array, " site"]], Network],
) -> DevLoss:
    """Builds the mean loss of one task's rows, without dropout; one step at a time."""
    arch, task = setting.space.largest(), setting.task

    def sums(
        own: SupernetParams, network: Network, batch: Batch
    ) -> Float[Array, " two"]:
        x = supernet.embed(own.encoder.embeddings, batch)
        losses = task.loss(network.full(own, x, batch, arch).logits, batch)
        counted = [(one * batch.weight).sum() for one in (losses.total, losses.num)]
        return jnp.stack(counted)

    def loss(
        params: SharedParams, batches: tuple[Batch, ...], row: Int[Array, " site"]
    ) -> Float[Array, ""]:
        own, network = params.of_task(name), network_of(row)
        found = [
            jax.lax.map(lambda batch: sums(own, network, batch), steps).sum(0)
            for steps in batches
        ]
        total, count = jnp.stack(found).sum(0)
        return total / jnp.maximum(count, 1.0)

    return jax.jit(loss)
