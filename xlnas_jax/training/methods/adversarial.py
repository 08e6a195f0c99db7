"""Language-adversarial training: sentences whose vectors do not tell their language.

A discriminator learns to name the language of a sentence from its vector. The network
learns the loss on labels less `lambda` times the discriminator's, on rows with labels
and on text without. Its gradients are by the discriminator as earlier batches made it,
which has not learnt from these rows; then the discriminator takes steps of its own.

That it fails is no evidence: it may only have been left behind. What is, is that of a
classifier which begins anew on vectors that do not change any more (`alignment.probe`).
Where labels are distributed otherwise in another language, vectors that do not differ
get some of them wrong.

References:
    Ganin et al., "Domain-adversarial training of neural networks", 2016.
    https://jmlr.org/papers/v17/15-239.html
    Chen et al., "Adversarial deep averaging networks for cross-lingual sentiment
    classification", 2018. https://aclanthology.org/Q18-1039/
    Zhao et al., "On learning invariant representations for domain adaptation", 2019,
    of labels that are distributed otherwise. https://arxiv.org/abs/1901.09453
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.methods.domain import DomainConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.params import Dense
from xlnas_jax.training.methods import finetune
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    label_loss,
    whole,
)
from xlnas_jax.training.optimizer import apply_gradients
from xlnas_jax.types import Batch

# By how much the weight's rise is steeper than that of the plain logistic function.
_STEEPNESS = 10.0


@struct.dataclass
class Discriminator:
    """Names a language by one hidden layer: kernels `model hidden`, `hidden lang`."""

    hidden: Dense
    output: Dense


@struct.dataclass
class DomainState:
    """What the method remembers.

    Attributes:
        first, num_steps: of the training by it. Data, since networks that are trained
            alone take as many steps as their size asks for, by one program.
    """

    discriminator: Discriminator
    opt_state: optax.OptState
    first: Int[Array, ""]
    num_steps: Int[Array, ""]


def init(setting: Setting, key: Key[Array, ""]) -> DomainState:
    """A discriminator that knows nothing: kernels by He, all biases 0."""
    config = setting.config.domain
    hidden_key, output_key = jax.random.split(key)

    def dense(key: Key[Array, ""], inputs: int, outputs: int) -> Dense:
        kernel = jax.random.normal(key, (inputs, outputs)) * (2.0 / inputs) ** 0.5
        return Dense(kernel, jnp.zeros(outputs))

    made = Discriminator(
        dense(hidden_key, setting.width, config.hidden),
        dense(output_key, config.hidden, len(setting.languages)),
    )
    span = (jnp.asarray(number, jnp.int32) for number in setting.span)
    tree: Any = made
    return DomainState(made, _optimizer(config).init(tree), *span)


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Of the whole network; the loss is that on labels alone."""
    config = setting.config.domain
    if not config.weight:
        return finetune.gradients(setting, state, params, x, batch, key)
    arch_key, drop_key = jax.random.split(key)
    arch = whole(setting.space, arch_key)

    def run(params: Any, x: Any) -> tuple[Float[Array, ""], Float[Array, "_ _"]]:
        said = setting.network.full(params, x, batch, arch, drop_key)
        assert said.vector is not None
        return label_loss(setting, said.logits, batch), said.vector

    (loss, vector), back = jax.vjp(run, params, x)
    slope = jax.grad(domain_loss, argnums=1)
    uphill = slope(state.discriminator, vector, batch, setting.languages)
    grads = back((jnp.ones(()), -rate(config, state, setting.step) * uphill))
    return loss, grads, _learnt(setting, state, vector, batch)


def domain_loss(
    discriminator: Discriminator,
    vector: Float[Array, "batch model"],
    batch: Batch,
    languages: tuple[int, ...],
) -> Float[Array, ""]:
    """Mean cross-entropy of the languages of all rows that count."""
    hidden, output = discriminator.hidden, discriminator.output
    assert hidden.bias is not None and output.bias is not None
    inner = vector @ hidden.kernel + hidden.bias[None]
    logits = jax.nn.relu(inner) @ output.kernel + output.bias[None]
    numbers = jnp.asarray(languages, batch.language.dtype)
    is_own = (batch.language[:, None] == numbers[None]).astype(jnp.float32)
    weight = is_own * batch.weight[:, None]
    total = -(weight * jax.nn.log_softmax(logits, -1)).sum()
    return total / jnp.maximum(weight.sum(), 1.0)


def rate(
    config: DomainConfig, state: DomainState, step: Int[Array, ""] | int
) -> Float[Array, ""]:
    """What the discriminator's loss counts at a step of the learner."""
    if config.schedule == "constant":
        return jnp.asarray(config.weight, jnp.float32)
    done = jnp.asarray(step - state.first, jnp.float32)
    share = done / jnp.maximum(state.num_steps, 1).astype(jnp.float32)
    rise = 2.0 * jax.nn.sigmoid(_STEEPNESS * jnp.clip(share, 0.0, 1.0)) - 1.0
    return config.weight * rise


def _learnt(
    setting: Setting,
    state: DomainState,
    vector: Float[Array, "batch model"],
    batch: Batch,
) -> DomainState:
    """The state once the discriminator has learnt from the rows, as they are."""
    config = setting.config.domain

    def step(carried: Any, _: None) -> tuple[Any, None]:
        made, opt_state = carried
        slope = jax.grad(domain_loss)(made, vector, batch, setting.languages)
        return apply_gradients(_optimizer(config), made, opt_state, slope), None

    carried = state.discriminator, state.opt_state
    (made, opt_state), _ = jax.lax.scan(step, carried, None, length=config.steps)
    return state.replace(discriminator=made, opt_state=opt_state)  # pyright: ignore


def _optimizer(config: DomainConfig) -> optax.GradientTransformation:
    return optax.adam(config.learning_rate)


def outside(config: TrainConfig, num_layers: int) -> str | None:
    """What speaks against the settings."""
    del num_layers
    if config.accumulate == 1:
        return None
    return (
        f"train.accumulate: must be 1 with the method adversarial, whose discriminator "
        f"learns from whole batches; got {config.accumulate}. Leave the option out, or "
        f"use a smaller train.batch_size."
    )


METHOD = Method(
    "adversarial",
    "Ganin et al. 2016",
    gradients,
    init,
    needs=frozenset({"source", "unlabelled"}),
    warms_up=True,
    outside=outside,
)
