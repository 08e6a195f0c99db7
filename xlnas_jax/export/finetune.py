"""One task's network trained alone, on the languages weights may see."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import (
    Experiment,
    TaskPart,
    learns_from_teacher,
    learns_from_text,
)
from xlnas_jax.export.apply import embed_one, say_embedded
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.search.learn import make_draw, make_plan
from xlnas_jax.search.prepared import prepared_states
from xlnas_jax.search.teacher import listen
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.params import EncoderParams, SharedParams, SupernetParams
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.training.gradients import batch_gradients
from xlnas_jax.training.methods.base import Network, Setting, hears
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.training.optimizer import (
    apply_gradients,
    make_optimizer,
    with_scale,
)
from xlnas_jax.training.places import Places, places_of, with_shares
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Batch, Said


def finetune_subnet(
    experiment: Experiment,
    part: TaskPart,
    params: SubnetParams,
    pooling: str,
    teacher: SharedParams | None = None,
    places: Places | None = None,
    shares: Float[Array, " layer"] | None = None,
    shape: EncoderShape | None = None,
    report: Report = unheard,
) -> SubnetParams:
    """Takes `export.finetune_steps` steps of `train.method`; same input, same bits.

    Args:
        teacher: where the method learns from one.
        places: of its layers, if it has not all of them.
        shares: of its update that each of these takes; None: all take all.
        shape: of the encoder that it was cut from, where that has other words' rows
            than the search's.
        report: is told how many steps are done.
    """
    config = experiment.config
    count, rate = config.export.finetune_steps, config.export.finetune_learning_rate
    if count == 0:
        return params
    train = dataclasses.replace(
        config.train,
        learning_rate=rate,
        head_learning_rate=rate,
        rounds_learning_rate=None,
        freeze_embeddings=False,
    )
    shape, start = shape or experiment.shape, _whole(params)
    optimizer = make_optimizer(train, start, count, places)
    if shares is not None:
        optimizer = with_shares(optimizer, shares)

    def tokens(embeddings: Any, batch: Batch) -> Any:
        return embed_one(embeddings, shape, batch.tokens, batch.segments)

    def full(
        trained: SupernetParams, x: Any, batch: Batch, arch: Any, key: Any = None
    ) -> Said:
        del arch, key  # it is one network, trained without dropout
        own = _alone_again(params, trained)
        return say_embedded(own, shape, pooling, x, batch.mask, batch.head)

    def embedded(params: SupernetParams, batch: Batch) -> Any:
        return tokens(params.encoder.embeddings, batch)

    numbers = places_of(start).numbers if places is None else places.numbers
    method = method_named(config.train.method)
    network = Network(full, embed=embedded, numbers=numbers, shares=shares)
    setting = Setting(
        train,
        network,
        experiment.space,
        part.task,
        auxiliary=len(part.roles.aux_train),
        languages=part.learnt,
        width=shape.width,
        span=(0, count),
        spec=shape.spec,
    )
    base = round_key(config, "method", 1)

    @jax.jit
    def step(carried: Any, number: Int[Array, ""], rows: Batch, index, weight):
        params, opt_state, state = carried
        batch, key = take_batch(rows, index, weight), jax.random.fold_in(base, number)
        now = setting._replace(step=number)
        _, grads, state = batch_gradients(
            method, now, tokens, state, params, batch, key
        )
        own = optimizer
        if method.scale is not None:
            own = with_scale(own, functools.partial(method.scale, setting, state))
        return *apply_gradients(own, params, opt_state, grads), state

    alone = _alone(experiment, part)
    rows = training_rows(alone)
    if teacher is not None and learns_from_teacher(config):
        rows, _ = listen(alone, rows, (), teacher)
    # Text may be there for the warm-up alone.
    plan = make_plan(alone, rows, learns_from_text(config) and not hears(method))
    states = prepared_states(
        method,
        {part.name: setting},
        {part.name: start},
        functools.partial(make_draw, alone, rows),
        base,
        lambda batch: batch,
    )
    tree: Any = start
    carried = start, optimizer.init(tree), states[part.name]
    for number in range(count):
        report("fine-tuning", number, count)
        _, bucket, index, weight = plan[number]
        carried = step(carried, np.int32(number), rows[0][bucket], index, weight)
    report("fine-tuning", count, count)
    return _alone_again(params, carried[0])


def _whole(params: SubnetParams) -> SupernetParams:
    """The network as methods and optimizers know one, its layers apart."""
    layers: Any = params.layers
    encoder = EncoderParams(params.embeddings, layers, params.final_norm)
    return SupernetParams(encoder, params.head)


def _alone_again(params: SubnetParams, trained: SupernetParams) -> SubnetParams:
    """The network with weights of the same shapes."""
    encoder, layers = trained.encoder, trained.encoder.layers
    return dataclasses.replace(
        params,
        embeddings=encoder.embeddings,
        layers=layers,
        head=trained.head,
        final_norm=encoder.final_norm,
    )


def _alone(experiment: Experiment, part: TaskPart) -> Experiment:
    """The experiment with one task, and batches in another order than the search's."""
    config = dataclasses.replace(experiment.config, seed=experiment.config.seed + 1)
    return dataclasses.replace(experiment, config=config, parts=(part,))
