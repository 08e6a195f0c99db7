"""Small problems whose truth is known, and strategies let loose on them."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import SHAPE
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.supernet.chain import make_space

# 81 networks: two layers, three numbers of heads and three inner widths in each.
TOY = make_space(
    SpaceConfig(elastic_depth=False, heads=(1, 2, 4), ffn=(8, 16, 32)),
    dataclasses.replace(SHAPE, num_layers=2),
)
# Columns that have a choice: both layers' heads, then both layers' widths.
FREE = np.flatnonzero(np.asarray(TOY.num_choices) > 1)
OPTIMUM = np.asarray([2, 0, 1, 2])

Score = Callable[[jax.Array], jax.Array]


def toy_objectives(rows: jax.Array) -> jax.Array:
    """How far from the optimum, and whether two of the knobs fit each other."""
    chosen = rows[:, FREE]
    distance = jnp.abs(chosen - OPTIMUM[None]).mean(-1) / 2
    is_uneven = chosen[:, 0] != chosen[:, 3]
    return (distance + 0.1 * is_uneven.astype(jnp.float32))[:, None]


def search(
    controller: Controller, score: Score, rounds: int, population: int, seeds: int
) -> np.ndarray:
    """Objectives of everything that was asked for: `seeds rounds population obj`.

    Nothing is rejected, and nothing that is asked for twice is left out.
    """
    run = _compiled if controller.is_compiled else _on_host
    return run(controller, score, rounds, population, seeds)


def _compiled(controller, score, rounds, population, seeds):
    def step(state, key):
        rows = controller.ask(state, key, population)
        objectives = score(rows)
        told = Told(rows, objectives, jnp.ones(population, bool))
        return controller.tell(state, told), objectives

    def run(key):
        keys = jax.random.split(key, rounds)
        return jax.lax.scan(step, controller.init(key), keys)[1]

    return np.asarray(jax.jit(jax.vmap(run))(_keys(seeds)))


def _on_host(controller, score, rounds, population, seeds):
    score = jax.jit(score)
    found = []
    for key in _keys(seeds):
        state = controller.init(key)
        for one in jax.random.split(key, rounds):
            rows = controller.ask(state, one, population)
            objectives = score(rows)
            told = Told(rows, objectives, jnp.ones(population, bool))
            state = controller.tell(state, told)
            found.append(np.asarray(objectives))
    return np.stack(found).reshape(seeds, rounds, population, -1)


def _keys(seeds: int) -> jax.Array:
    return jax.random.split(jax.random.key(1), seeds)
