"""Adversarial training by several steps, none of which leaves a ball.

As `fgm`, but what is added to the embedded tokens is sought in several steps
(`train.adversarial.steps`) of `step_size` along the gradient, each drawn back to a
length of `epsilon`. The first gradient is that of the sentence as it is.

References:
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.
    https://arxiv.org/abs/1706.06083
"""

from typing import Any

import jax
from jaxtyping import Array, Float, Key

from xlnas_jax.training.methods.base import Method, Setting, drop_key, label_loss
from xlnas_jax.training.methods.fgm import against
from xlnas_jax.training.methods.perturbation import Tokens, moved, uphill, within
from xlnas_jax.types import Architecture, Batch


def several_steps(
    setting: Setting,
    params: Any,
    x: Tokens,
    batch: Batch,
    arch: Architecture,
    key: Key[Array, ""],
    x_grad: Tokens,
) -> Tokens:
    """Up the loss of one network: its dropout is that of the step that is learnt."""
    config, key = setting.config.adversarial, drop_key(setting, key)

    def loss_at(x: Tokens) -> Float[Array, ""]:
        said = setting.network.full(params, x, batch, arch, key)
        return label_loss(setting, said.logits, batch)

    def climb(added: Tokens, grad: Tokens) -> Tokens:
        return within(added + config.step_size * uphill(grad), config.epsilon)

    def again(_: Any, added: Tokens) -> Tokens:
        return climb(added, jax.grad(loss_at)(moved(x, added)))

    first = within(config.step_size * uphill(x_grad), config.epsilon)
    return jax.lax.fori_loop(1, config.steps, again, first)


METHOD = Method("pgd", "Madry et al. 2018", against(several_steps), warms_up=True)
