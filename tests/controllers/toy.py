"""A space of 81 architectures whose losses are a table, and its relaxation.

Four sites of three choices. A mixture's loss is the mean over the architectures that
it would draw: with one-hot weights the table's own entry. As in a supernet, every
choice has a shared weight that learns, all of them alike.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import SHAPE, labelled
from tests.settings import make_setting
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.controllers.base import RelaxedLosses, Setting
from xlnas_jax.search.refine import make_losses
from xlnas_jax.supernet.chain import make_space

SPACE = make_space(
    SpaceConfig(elastic_depth=False, heads=(1, 2, 4), ffn=(8, 16, 32)),
    dataclasses.replace(SHAPE, num_layers=2),
)
SITES = (*range(2, 4), *range(4, 6))
ROWS = np.zeros((81, len(SPACE.num_choices)), np.int32)
ROWS[:, SITES] = list(itertools.product(range(3), repeat=4))
ROUNDS = 20


def toy_setting(constraints: ConstraintsConfig | None = None) -> Setting:
    return make_setting(space=SPACE, constraints=constraints, num_rounds=ROUNDS)


def random_table(seed: int, interaction: float) -> jax.Array:
    """Each site adds -1, 0 and 1 in some order; every entry has noise of its own.

    Centred, as the branches of a network are measured by what they add.
    """
    rng = np.random.default_rng(seed)
    table = interaction * rng.standard_normal((3,) * 4)
    for axis in range(4):
        effect = rng.permutation([-1.0, 0.0, 1.0])
        table += effect.reshape([-1 if a == axis else 1 for a in range(4)])
    return jnp.asarray(table - table.mean(), jnp.float32)


def mean_loss(table: jax.Array, weights: jax.Array) -> jax.Array:
    """Of the architectures drawn by these probabilities of each site's choices."""
    for site in range(weights.shape[0]):
        table = jnp.tensordot(weights[site], table, axes=1)
    return table


def as_run(weights: jax.Array, chosen: jax.Array, form: str) -> jax.Array:
    """The same weights at a sampled path, with the gradients that the form has.

    Masked, all choices have their own; sliced, those above the chosen one have its,
    as sizes that run no further.
    """
    if form == "masked":
        return weights
    choices = jnp.arange(weights.shape[1])
    run = jnp.minimum(choices[None], chosen[:, None])
    return jnp.einsum("sc,scr->sr", weights, jax.nn.one_hot(run, len(choices)))


def table_losses(table: jax.Array, form: str) -> RelaxedLosses:
    """See `as_run` for the forms."""

    def loss(params, weights, chosen, batch):
        own = as_run(weights, chosen, form)[jnp.asarray(SITES)]
        return mean_loss(table, own) + (own * (params - 1) ** 2).sum()

    data = labelled(jnp.zeros(1))
    return make_losses(loss, jnp.zeros((4, 3)), data, data, 0.1, 0.0)


def learn(controller, tables: jax.Array, form: str, steps: int):
    """States with what `ROUNDS` rounds of architecture steps taught, by table."""

    def one(table, key):
        losses = table_losses(table, form)

        def step(state, key):
            return controller.refine(state, losses, key), None

        def round_of_steps(state, key):
            state, _ = jax.lax.scan(step, state, jax.random.split(key, steps))
            return dataclasses.replace(state, round=state.round + 1), None

        keys = jax.random.split(key, ROUNDS)
        return jax.lax.scan(round_of_steps, start, keys)[0].logits

    start = controller.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(0), len(tables))
    learnt = jax.jit(jax.vmap(one))(tables, keys)
    return [dataclasses.replace(start, logits=logits) for logits in learnt]


def found(controller, state) -> tuple[int, ...]:
    """Choices at the four sites of what a state stands for."""
    row = np.asarray(controller.ask(state, jax.random.key(1), 2))[0]
    return tuple(int(index) for index in row[list(SITES)])


def best(table: jax.Array) -> tuple[int, ...]:
    """By looking at all 81."""
    return tuple(int(i) for i in np.unravel_index(np.argmin(table), (3,) * 4))
