"""A mapping learnt against a discriminator that tells the languages apart.

Vectors are of length 1, and shown to the discriminator as if their numbers had a
deviation of about one: at that length alone its gradients all but vanish.

References:
    Conneau et al., "Word Translation Without Parallel Data", 2018.
    https://arxiv.org/abs/1710.04087
    The constants are those of https://github.com/facebookresearch/MUSE
"""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from xlnas_jax.alignment.mapping.dictionary import Source, Target, mutual_pairs
from xlnas_jax.alignment.mapping.vecmap import Mapped, comparable
from xlnas_jax.alignment.measures.procrustes import rotation

# Weights and biases of each layer of the discriminator.
Discriminator = tuple[tuple[Array, Array], ...]
Square = Float[Array, "model model"]
_LEAK = 0.2


class Adversary(NamedTuple):
    """How mapping and discriminator learn against each other.

    Attributes:
        frequent: the discriminator sees so many of the first words of each language.
        hidden: width of its two inner layers. dropout: of its input.
        smoothing: of its labels.
        turns: its steps for each one of the mapping.
        beta: how strongly the mapping is drawn back to a rotation.
        epochs, steps: after every so many steps of the mapping it is judged, without a
            dictionary, and the best is kept; the rate falls by `decay`.
        compared: words of each language that it is judged by.
        refinements: rotations by the words that are each other's nearest, at the end.
    """

    frequent: int = 75_000
    hidden: int = 2048
    dropout: float = 0.1
    smoothing: float = 0.1
    turns: int = 5
    beta: float = 0.001
    learning_rate: float = 0.1
    decay: float = 0.98
    batch_size: int = 32
    epochs: int = 5
    steps: int = 31_250
    compared: int = 10_000
    refinements: int = 5


class _Learnt(NamedTuple):
    mapping: Square
    discriminator: Discriminator


DEFAULT = Adversary()


def map_adversarial(
    x: Source, y: Target, seed: int = 0, adversary: Adversary = DEFAULT
) -> Mapped:
    """Both languages in one space, learnt from their vectors alone.

    It fails on distant languages and for some seeds: say how many succeed.
    """
    x, y = comparable(x, y)
    head = slice(adversary.compared)
    key = jax.random.key(seed)
    scale = x.shape[1] ** 0.5
    given = [jnp.asarray(scale * v[: adversary.frequent], jnp.float32) for v in (x, y)]
    learnt = _Learnt(jnp.eye(x.shape[1]), _new(key, x.shape[1], adversary.hidden))
    learn = jax.jit(functools.partial(_learn, adversary=adversary))
    best, judged = np.eye(x.shape[1]), -np.inf
    for epoch in range(adversary.epochs):
        rate = adversary.learning_rate * adversary.decay**epoch
        own = jax.random.fold_in(key, epoch + 1)
        learnt = learn(learnt, *given, own, jnp.float32(rate))
        mapping = np.asarray(learnt.mapping, np.float64)
        found = _agreement(x[head] @ mapping.T, y[head])
        if found > judged:
            best, judged = mapping, found
    for _ in range(adversary.refinements):
        pairs = mutual_pairs(x[head] @ best.T, y[head])
        mapping = rotation(x[head][pairs.source], y[head][pairs.target])
        found = _agreement(x[head] @ mapping.T, y[head])
        if found <= judged:
            break
        best, judged = mapping, found
    return Mapped(x @ best.T, y, float(judged))


def _agreement(x: Source, y: Target) -> float:
    """Mean cosine of the words that are each other's nearest: no dictionary needed."""
    pairs = mutual_pairs(x, y)
    if not len(pairs.source):
        return -1.0
    ours, theirs = x[pairs.source], y[pairs.target]
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(1) / np.maximum(lengths, 1e-30)).mean())


def _learn(
    learnt: _Learnt,
    x: Float[Array, "source model"],
    y: Float[Array, "target model"],
    key: Key[Array, ""],
    rate: Float[Array, ""],
    adversary: Adversary,
) -> _Learnt:
    """One epoch."""

    def turn(discriminator: Discriminator, key: Key[Array, ""], mapping: Square):
        grads = jax.grad(_loss, 1)(mapping, discriminator, x, y, key, adversary, False)
        return _descend(discriminator, grads, rate), None

    def step(learnt: _Learnt, key: Key[Array, ""]) -> tuple[_Learnt, None]:
        *turns, last = jax.random.split(key, adversary.turns + 1)
        discriminator, _ = jax.lax.scan(
            lambda d, k: turn(d, k, learnt.mapping),
            learnt.discriminator,
            jnp.stack(turns),
        )
        given = learnt.mapping, discriminator, x, y, last, adversary, True
        mapping = learnt.mapping - rate * jax.grad(_loss)(*given)
        square = mapping @ mapping.T @ mapping
        mapping = (1.0 + adversary.beta) * mapping - adversary.beta * square
        return _Learnt(mapping, discriminator), None

    keys = jax.random.split(key, adversary.steps)
    return jax.lax.scan(step, learnt, keys)[0]


def _loss(
    mapping: Square,
    discriminator: Discriminator,
    x: Float[Array, "source model"],
    y: Float[Array, "target model"],
    key: Key[Array, ""],
    adversary: Adversary,
    is_fooling: bool,
) -> Float[Array, ""]:
    """Cross-entropy of telling which language words are of; turned round to fool."""
    ours_key, theirs_key, drop_key = jax.random.split(key, 3)
    count = (adversary.batch_size,)
    ours = x[jax.random.randint(ours_key, count, 0, len(x))] @ mapping.T
    theirs = y[jax.random.randint(theirs_key, count, 0, len(y))]
    inputs = jnp.concatenate([ours, theirs])
    keep = jax.random.bernoulli(drop_key, 1.0 - adversary.dropout, inputs.shape)
    inputs = jnp.where(keep, inputs / (1.0 - adversary.dropout), 0.0)
    logits = _apply(discriminator, inputs)
    smooth = adversary.smoothing
    of_source = jnp.concatenate(
        [jnp.full(count, 1.0 - smooth), jnp.full(count, smooth)]
    )
    wanted = 1.0 - of_source if is_fooling else of_source
    # Of a logit: softplus is what keeps the logarithm finite.
    return (jax.nn.softplus(logits) - wanted * logits).mean()


def _apply(
    discriminator: Discriminator, x: Float[Array, "word model"]
) -> Float[Array, " word"]:
    *inner, last = discriminator
    for kernel, bias in inner:
        x = jax.nn.leaky_relu(x @ kernel + bias[None], _LEAK)
    return (x @ last[0] + last[1][None])[:, 0]


def _new(key: Key[Array, ""], width: int, hidden: int) -> Discriminator:
    """Two inner layers, uniform as PyTorch's linear layers are."""
    sizes = (width, hidden, hidden, 1)
    layers = []
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        bound = inputs**-0.5
        kernel_key, bias_key = jax.random.split(jax.random.fold_in(key, 1000 + number))
        uniform = functools.partial(jax.random.uniform, minval=-bound, maxval=bound)
        layer = uniform(kernel_key, (inputs, outputs)), uniform(bias_key, (outputs,))
        layers.append(layer)
    return tuple(layers)


def _descend(
    weights: Discriminator, grads: Discriminator, rate: Float[Array, ""]
) -> Discriminator:
    return jax.tree.map(lambda w, g: w - rate * g, weights, grads)
