"""Architecture steps: what strategies with gradients learn before they are asked.

Each step shows the strategy one batch of the auxiliary dev splits, the data that
candidates are scored on, and one of source data for the weight step that second-order
methods look through. Batches follow from the seed and the number of the step alone.

References:
    Liu et al., "DARTS: Differentiable Architecture Search", 2019.
    https://arxiv.org/abs/1806.09055
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.controller import DartsController, GradientController
from xlnas_jax.controllers.base import Controller, RelaxedLosses
from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.devices.sharding import make_layout, replicate
from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.relaxed import Weights, make_relaxed
from xlnas_jax.training.learner import Layout, Learner
from xlnas_jax.training.methods.base import batch_loss
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Batch

# `(controller_state, learner, round) -> controller_state`.
Refine = Callable[[Any, Learner, int], Any]
# `(params, weights, chosen, batch) -> loss`.
Loss = Callable[..., Float[Array, ""]]
# Apart from the seeds of the weights' batches.
_SEED = 15485863
_SOURCE = 3


class ArchBatch(NamedTuple):
    """Rows of one architecture step: held-out ones, and source rows about as long."""

    task: int
    bucket: int
    rows: Int[np.ndarray, " batch"]
    weight: Float[np.ndarray, " batch"]
    source_bucket: int
    source_rows: Int[np.ndarray, " batch"]


def make_refine(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[ScoringData, ...],
    controller: Controller,
    num_warm_up: int,
    mesh: Mesh,
) -> Refine:
    """The architecture steps of a round; none for a strategy that takes none.

    Compiled once for each length bucket of the held-out data.
    """
    config = experiment.config
    settings = config.controller
    if controller.refine is None or not isinstance(settings, GradientController):
        return lambda state, learner, number: state
    layout = make_layout(mesh, config.devices.fsdp)
    steps = [
        _make_step(experiment, part, controller, layout) for part in experiment.parts
    ]
    seen = replicate(mesh, tuple(heldout_rows(data) for data in heldout))
    plan = make_arch_plan(experiment, rows, seen)
    count = settings.arch_steps

    def refine(state: Any, learner: Learner, number: int) -> Any:
        key = round_key(config, "refine", number)
        first = (number - num_warm_up) * count
        for step in range(first, first + count):
            one = plan(step)
            state = steps[one.task](
                state,
                learner.params,
                seen[one.task][one.bucket],
                (one.rows, one.weight),
                rows[one.task][one.source_bucket],
                one.source_rows,
                (key, np.int32(step)),
            )
        return state

    return refine


def heldout_rows(data: ScoringData) -> tuple[Batch, ...]:
    """The single rows of scoring batches, by length bucket; no row is a filler."""

    def flatten(batch: Batch, weight: Float[np.ndarray, "steps batch"]) -> Batch:
        real = np.flatnonzero(weight.ravel())
        return jax.tree.map(
            lambda leaf: jax.device_put(
                np.asarray(leaf).reshape(-1, *leaf.shape[2:])[real]
            ),
            batch,
        )

    pairs = zip(data.batches, data.plans, strict=True)
    return tuple(flatten(batch, plan.weight) for batch, plan in pairs)


def make_arch_plan(
    experiment: Experiment,
    rows: tuple[tuple[Batch, ...], ...],
    heldout: tuple[tuple[Batch, ...], ...],
) -> Callable[[int], ArchBatch]:
    """Which rows every step sees: tasks alike, and of each its languages alike.

    As in the scores of candidates. Source rows are of the shortest training bucket
    that is as long as the held-out one, so that each of those makes one program.
    """
    config = experiment.config
    size, seed = config.train.batch_size, config.seed + _SEED
    languages = [[np.asarray(b.language) for b in part] for part in heldout]
    nums = [len(part.roles.aux_heldout) for part in experiment.parts]
    alike = [1 / num for num in nums]
    plan = TrainingPlan(seed, languages, size, temperature=0.0, task_weights=alike)

    def batch(number: int) -> ArchBatch:
        task, bucket, index, weight = plan[number]
        length = heldout[task][bucket].tokens.shape[-1]
        lengths = [b.tokens.shape[-1] for b in rows[task]]
        source = int(np.searchsorted(lengths, length))
        source = min(source, len(lengths) - 1)
        there = len(rows[task][source].length)
        rng = np.random.default_rng([seed, _SOURCE, number])
        drawn = rng.choice(there, size, replace=there < size).astype(np.int32)
        return ArchBatch(task, bucket, index, weight, source, drawn)

    return batch


def make_losses(
    loss: Loss,
    params: Any,
    heldout: Batch,
    source: Batch,
    rate: float,
    weight_decay: float,
) -> RelaxedLosses:
    """The loss on held-out data, with and without a step of the weights before it.

    That step is `w' = w - rate (grad_w L_source(w) + weight_decay w)`. The gradient
    through it, `-rate d/dw [grad L_source] . grad_w' L`, is exact: the gradient of how
    steep the source's loss is in one direction.
    """

    def plain(weights: Weights, chosen: Int[Array, " site"] | None = None):
        return jax.value_and_grad(loss, argnums=1)(params, weights, chosen, heldout)

    def unrolled(weights: Weights, chosen: Int[Array, " site"] | None = None):
        slope = jax.grad(loss)(params, weights, chosen, source)
        stepped = jax.tree.map(
            lambda w, g: w - rate * (g + weight_decay * w), params, slope
        )
        both = jax.value_and_grad(loss, argnums=(0, 1))
        value, (direction, direct) = both(stepped, weights, chosen, heldout)

        def along(weights: Weights) -> Float[Array, ""]:
            slope = jax.grad(loss)(params, weights, chosen, source)
            parts = jax.tree.map(jnp.vdot, slope, direction)
            return jax.tree.reduce(jnp.add, parts)

        return value, direct - rate * jax.grad(along)(weights)

    return RelaxedLosses(plain, unrolled)


def _make_step(
    experiment: Experiment, part: TaskPart, controller: Controller, layout: Layout
) -> Callable[..., Any]:
    """One step of the strategy on batches of one task, compiled."""
    train, settings = experiment.config.train, experiment.config.controller
    assert isinstance(settings, GradientController) and controller.refine is not None
    learn = controller.refine
    apply = make_relaxed(
        experiment.space, experiment.shape, settings.form, train.precision, train.remat
    )
    rate = train.learning_rate
    if isinstance(settings, DartsController):
        rate = settings.unrolled_rate or rate

    def loss(params: Any, weights: Weights, chosen: Any, batch: Batch):
        logits = apply(params, batch, weights, chosen)
        return batch_loss(part.task.loss(logits, batch), batch.weight)

    @jax.jit
    def step(
        state: Any,
        params: SharedParams,
        heldout: Batch,
        taken: tuple[Int[Array, " batch"], Float[Array, " batch"]],
        source: Batch,
        source_rows: Int[Array, " batch"],
        key: tuple[Key[Array, ""], Int[Array, ""]],
    ) -> Any:
        own = layout.gather(params.of_task(part.name))
        seen = layout.split(take_batch(heldout, *taken))
        ones = jnp.ones(source_rows.shape, jnp.float32)
        learnt = layout.split(take_batch(source, source_rows, ones))
        losses = make_losses(loss, own, seen, learnt, rate, train.weight_decay)
        return layout.gather(learn(state, losses, jax.random.fold_in(*key)))

    return step
