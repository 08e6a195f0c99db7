"""Fine-tuning of the chosen network alone, on the languages weights may see."""

import dataclasses
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

from xlnas_jax.data import buckets
from xlnas_jax.experiment import Experiment, training_rows
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.subnet import apply_subnet
from xlnas_jax.supernet.train import (
    apply_gradients,
    make_optimizer,
    take_batch,
    weighted_mean,
)
from xlnas_jax.types import Batch


def finetune_subnet(
    experiment: Experiment, params: SubnetParams, pooling: str
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
    rows = training_rows(experiment)
    sizes = tuple(len(bucket.length) for bucket in rows)
    per_epoch = buckets.steps_per_epoch(sizes, train.batch_size)
    shape, task = experiment.shape, experiment.task

    def loss(params: SubnetParams, batch: Batch) -> Float[Array, ""]:
        logits = apply_subnet(
            params, shape, pooling, batch.tokens, batch.segments, batch.length
        )
        return weighted_mean(task.loss(logits, batch.label), batch.weight)

    @jax.jit
    def step(params: SubnetParams, state: optax.OptState, rows: Batch, index, weight):
        grads = jax.grad(loss)(params, take_batch(rows, index, weight))
        return apply_gradients(optimizer, params, state, grads)

    tree: Any = params
    state = optimizer.init(tree)
    for number in range(count):
        plan = buckets.epoch_plan(
            config.seed + 1, number // per_epoch, sizes, train.batch_size
        )
        bucket, index, weight = plan[number % per_epoch]
        params, state = step(params, state, rows[bucket], index, weight)
    return params
