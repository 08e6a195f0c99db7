"""Fine-tuning of one task's network alone, on the languages weights may see."""

import dataclasses
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.search.learn import make_plan
from xlnas_jax.training.train import (
    apply_gradients,
    batch_loss,
    make_optimizer,
    take_batch,
)
from xlnas_jax.types import Batch


def finetune_subnet(
    experiment: Experiment, part: TaskPart, params: SubnetParams, pooling: str
) -> SubnetParams:
    """Runs `export.finetune_steps` AdamW steps; the same input gives the same bits."""
    config = experiment.config
    count, rate = config.export.finetune_steps, config.export.finetune_learning_rate
    if count == 0:
        return params
    train = dataclasses.replace(
        config.train,
        learning_rate=rate,
        head_learning_rate=rate,
        freeze_embeddings=False,
    )
    optimizer = make_optimizer(train, params, count)
    shape, task = experiment.shape, part.task

    def loss(params: SubnetParams, batch: Batch) -> Float[Array, ""]:
        arrays = batch.tokens, batch.segments, batch.length, batch.head
        logits = apply_subnet(params, shape, pooling, *arrays)
        return batch_loss(task.loss(logits, batch), batch.weight)

    @jax.jit
    def step(params: SubnetParams, state: optax.OptState, rows: Batch, index, weight):
        grads = jax.grad(loss)(params, take_batch(rows, index, weight))
        return apply_gradients(optimizer, params, state, grads)

    alone = _alone(experiment, part)
    rows = training_rows(alone)
    plan = make_plan(alone, rows)
    tree: Any = params
    state = optimizer.init(tree)
    for number in range(count):
        _, bucket, index, weight = plan[number]
        params, state = step(params, state, rows[0][bucket], index, weight)
    return params


def _alone(experiment: Experiment, part: TaskPart) -> Experiment:
    """The experiment with one task, and batches in another order than the search's."""
    config = dataclasses.replace(experiment.config, seed=experiment.config.seed + 1)
    return dataclasses.replace(experiment, config=config, parts=(part,))
