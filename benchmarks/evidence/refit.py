"""Norms of a cut network fitted to the full one, in closed form.

What is cut changes the mean and the spread of every feature behind it. Each norm's
scale and shift are set so that on some text its output has the teacher's mean and
spread again, feature by feature, from the bottom to the top: one forward pass.

References:
    Yu & Huang, "Universally slimmable networks", 2019, whose calibration of batch norms
    this is for layer norms. https://arxiv.org/abs/1903.05134
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.teacher import Rows
from xlnas_jax.space.stage import Stage
from xlnas_jax.supernet.encoder import run_stage
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import LayerParams, Norm, SharedParams
from xlnas_jax.supernet.units import field, fields, put

TEXTS = 128
Moments = tuple[Array, Array]
Refit = Callable[[SharedParams, np.ndarray], SharedParams]


def make_refit(experiment: Experiment, rows: Rows, teacher: SharedParams) -> Refit:
    """Builds `(params, row) -> params` whose norms fit that network."""
    space, shape = experiment.space, experiment.shape
    bucket = max(rows[0], key=lambda one: len(one.length))
    batch = jax.tree.map(lambda leaf: leaf[:TEXTS], bucket)
    tables = teacher.encoder.embeddings
    start = embed(tables, shape, batch.tokens, batch.segments, jnp.float32)
    mask = batch.mask
    full = space.largest_row

    @functools.cache
    def runner(number: int, values: tuple[tuple[str, int], ...]) -> Any:
        return jax.jit(
            functools.partial(run_stage, space.stages[number], shape, dict(values))
        )

    @jax.jit
    def moments(x: Array) -> Moments:
        real = mask[..., None].astype(x.dtype)
        count = real.sum()
        mean = (x * real).sum((0, 1)) / count
        spread = jnp.sqrt((jnp.square(x - mean[None, None]) * real).sum((0, 1)) / count)
        return mean, spread

    def walk(params: SharedParams, row: np.ndarray, wanted: dict | None) -> Any:
        """Moments by layer and stage; with wanted ones, the norms that give them."""
        x, met, made = start, {}, {}
        for number, values in space.layers(row):
            layer = _layer(params.encoder.layers, number)
            for position, stage in enumerate(space.stages):
                name = _norm_of(stage, layer)
                if stage.is_absent(values) or name is None:
                    continue
                own = tuple((knob, values[knob]) for knob in stage.knobs)
                x = runner(position, own)(x, layer, mask)
                key = number, stage.name
                met[key] = moments(x)
                if wanted is not None:
                    x, made[number, name] = _fitted(
                        x, field(layer, name), met[key], wanted[key]
                    )
        return met, made

    wanted, _ = walk(teacher, full, None)

    def refit(params: SharedParams, row: np.ndarray) -> SharedParams:
        _, made = walk(params, row, wanted)
        layers = params.encoder.layers
        for (number, name), norm in made.items():
            old = field(layers, name)
            new = jax.tree.map(
                lambda leaf, one, n=number: leaf.at[n].set(one), old, norm
            )
            layers = put(layers, {name: new})
        encoder = dataclasses.replace(params.encoder, layers=layers)
        return dataclasses.replace(params, encoder=encoder)

    return refit


def _layer(layers: LayerParams, number: int) -> LayerParams:
    return jax.tree.map(lambda leaf: leaf[number], layers)


def _norm_of(stage: Stage, layer: LayerParams) -> str | None:
    """The field of a stage's norm, if it has one."""
    found = [name for name in fields(stage) if isinstance(field(layer, name), Norm)]
    return found[0] if found else None


def _fitted(x: Array, norm: Norm, met: Moments, wanted: Moments) -> tuple[Array, Norm]:
    """The output and the norm behind which it has the wanted moments."""
    (mean, spread), (to_mean, to_spread) = met, wanted
    factor = to_spread / jnp.maximum(spread, 1e-6)
    shifted = (x - mean[None, None]) * factor[None, None] + to_mean[None, None]
    scale, bias = norm.scale * factor, (norm.bias - mean) * factor + to_mean
    return shifted, Norm(scale=scale, bias=bias)
