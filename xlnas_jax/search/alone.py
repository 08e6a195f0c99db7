"""One network trained by itself: any of them by one compiled program, or by its own."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Int

from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.devices.sharding import (
    local,
    make_layout,
    make_mesh,
    place,
    replicate,
    require_divisible,
)
from xlnas_jax.experiment.arrays import scoring_data
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.learn import (
    make_draw,
    make_plan,
    make_settings,
    make_training_supernet,
)
from xlnas_jax.search.prepared import at_rates, init_states, prepared_states
from xlnas_jax.search.teacher import Rows
from xlnas_jax.supernet.fixed import Row, cut_layers, spread_layers
from xlnas_jax.supernet.params import SharedParams, on_device
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.base import hears
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.places import Places
from xlnas_jax.training.schedules import rise_and_fall
from xlnas_jax.training.step import (
    WeightStep,
    any_network_of,
    cut_network_of,
    make_step_alone,
    make_step_cut,
)
from xlnas_jax.training.stopping import DevLoss, Lowest, make_dev_loss
from xlnas_jax.types import Batch

# Is told the number of steps done, and shown the weights, which the next step takes.
Watch = Callable[[int, SharedParams], None]
# `(params, row, watch, tell) -> params`; `watch` may be left out, and `tell`, which is
# told the number of steps that are dispatched, of all.
TrainAlone = Callable[..., SharedParams]
How = FinalistsConfig | TuningConfig
# Of each task, batches by step.
Dev = tuple[tuple[Batch, ...], ...]
# From so many steps on a network is trained by a program of its own: one that trains
# any takes some share of a step for what the network does not have, and to compile one
# more takes as long as some fifty steps save.
OWN_PROGRAM = 200


class _Program(NamedTuple):
    """What trains one network.

    Attributes:
        start: the weights that it begins with, which are given away.
        take: of every task, `(learner, rate, rows, index, weight) -> (learner, loss)`.
        whole: from the weights that it ends with to all.
        loss: on the source's dev splits, which no weight learns from.
    """

    start: SharedParams
    optimizer: optax.GradientTransformation
    take: list[WeightStep]
    whole: Callable[[SharedParams], SharedParams]
    loss: Callable[[SharedParams], float]


@jax.jit
def _copied(params: SharedParams) -> SharedParams:
    return jax.tree.map(jnp.copy, params)


def _cut(experiment: Experiment, params: SharedParams, row: Row) -> SharedParams:
    """A copy of the weights with the network's own layers, at their own sizes."""
    layers: Any = cut_layers(local(params).encoder.layers, experiment.space, row)
    encoder = dataclasses.replace(params.encoder, layers=None)
    rest = _copied(dataclasses.replace(params, encoder=encoder))
    layers = jax.tree.map(on_device, layers)
    encoder = dataclasses.replace(rest.encoder, layers=layers)
    return dataclasses.replace(rest, encoder=encoder)


def _spread(
    experiment: Experiment,
    mesh: Mesh,
    params: SharedParams,
    row: Row,
    own: SharedParams,
) -> SharedParams:
    """Weights of all layers, in which a network that was cut out has its own."""
    found: Any = local(own)
    layers = spread_layers(
        local(params).encoder.layers, experiment.space, row, found.encoder.layers
    )
    encoder = dataclasses.replace(found.encoder, layers=jax.device_put(layers))
    whole = dataclasses.replace(found, encoder=encoder)
    return place(mesh, whole, experiment.config.devices.fsdp)


def make_train_alone(
    experiment: Experiment,
    rows: Rows,
    how: How,
    with_texts: bool = True,
) -> TrainAlone:
    """Builds what trains a network of the given weights by `train.method`.

    All see the same batches in the same order: they are compared with each other.
    What is given is left as it is.

    Args:
        how: for how many steps, of how many rows, and how fast. Small networks have
            farther to go: with a share `s` of the work of the full network's layers
            one learns at `learning_rate * s ** -rate_exponent`, finalists for
            `steps * s ** -steps_exponent` steps.
        with_texts: text without labels takes part, where the method uses some.

    Raises:
        ConfigError: devices do not get as many rows of a batch each.
    """
    config = experiment.config
    train = dataclasses.replace(
        config.train,
        batch_size=how.batch_size or config.train.batch_size,
        # Steps say theirs: one program does for any number of them, at any rate.
        learning_rate=1.0,
        head_learning_rate=1.0,
        rounds_learning_rate=None,
    )
    experiment = dataclasses.replace(
        experiment, config=dataclasses.replace(config, train=train)
    )
    mesh, method = make_mesh(config.devices), method_named(train.method)
    require_divisible(mesh, train)
    layout = make_layout(mesh, config.devices.fsdp)
    supernet = make_training_supernet(experiment)
    settings = make_settings(experiment, supernet)
    uses_texts = with_texts and hears(method)
    plan = make_plan(experiment, rows, not uses_texts)
    made: list = []
    stop = how if isinstance(how, FinalistsConfig) and how.patience else None
    dev = () if stop is None else replicate(mesh, _dev_batches(experiment))

    def any_program(params: SharedParams, row: Row) -> _Program:
        if not made:
            optimizer = make_optimizer(train, params, None)
            steps = [
                make_step_alone(
                    method, one, supernet, optimizer, config.seed, name, layout
                )
                for name, one in settings.items()
            ]
            losses = [
                make_dev_loss(
                    one, supernet, name, partial(any_network_of, one, supernet)
                )
                for name, one in settings.items()
            ]
            made.append((optimizer, steps, losses))
        optimizer, steps, losses = made[0]
        network = jax.device_put(np.asarray(row, np.int32))
        take = [_of_network(step, network) for step in steps]
        # A step writes over the weights that it is given.
        start, loss = _copied(params), partial(_mean_loss, losses, dev, network)
        return _Program(start, optimizer, take, lambda trained: trained, loss)

    def own_program(params: SharedParams, row: Row) -> _Program:
        start = _cut(experiment, params, row)
        numbers = tuple(number for number, _ in experiment.space.layers(row))
        places = Places(numbers, experiment.shape.num_layers)
        optimizer = make_optimizer(train, start, None, places)
        shape = experiment.shape
        fixed = supernet, shape, row, optimizer, config.seed
        take = [
            make_step_cut(method, one, *fixed, name, layout)
            for name, one in settings.items()
        ]
        losses = [
            make_dev_loss(
                one,
                supernet,
                name,
                lambda _, one=one: cut_network_of(one, supernet, shape, row),
            )
            for name, one in settings.items()
        ]
        whole = partial(_spread, experiment, mesh, params, row)
        loss = partial(_mean_loss, losses, dev, row)
        return _Program(start, optimizer, take, whole, loss)

    def begin(
        params: SharedParams, row: Row, rate: float, steps: int
    ) -> dict[str, Any]:
        """The method's own state of a network before the first of so many steps."""
        key = round_key(config, "method", 2)
        own = {name: one._replace(span=(0, steps)) for name, one in settings.items()}
        if method.prepare is None:
            return init_states(method, own, key)
        # At its own sizes, whichever program trains it.
        start = _cut(experiment, params, row)
        own = {
            name: one._replace(
                network=cut_network_of(one, supernet, experiment.shape, row)
            )
            for name, one in own.items()
        }
        return prepared_states(
            method,
            at_rates(own, rate, rate),
            {name: start.of_task(name) for name in own},
            partial(make_draw, experiment, rows),
            key,
            layout.split,
        )

    def train_alone(
        params: SharedParams,
        row: Int[np.ndarray, " site"],
        watch: Watch | None = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> SharedParams:
        share = float(experiment.costs.shares_of_flops(np.asarray(row)[None])[0])
        # A network without layers has no share, and nothing that learns there.
        peak = how.learning_rate * (share**-how.rate_exponent if share else 1.0)
        steps = how.steps if isinstance(how, TuningConfig) else how.steps_of(share)
        is_long = steps >= OWN_PROGRAM and watch is None
        program = (own_program if is_long else any_program)(params, row)
        own = begin(params, np.asarray(row), peak, steps)
        learner = init_learner(program.start, program.optimizer, own)
        learner = place(mesh, learner, config.devices.fsdp)
        lowest, best = Lowest(), None
        for number in range(steps):
            task, bucket, index, weight = plan[number]
            batch = rows[task][bucket], index, weight
            of_peak = rise_and_fall(
                number, steps, train.warmup_fraction, train.schedule
            )
            learner, _ = program.take[task](learner, np.float32(peak * of_peak), *batch)
            if tell is not None:
                tell(number + 1, steps)
            if watch is not None:
                watch(number + 1, learner.params)
            done = number + 1
            if stop is None or (done % stop.score_every and done < steps):
                continue
            lowest = lowest.told(program.loss(learner.params), stop.min_delta)
            if lowest.is_now:
                best = _copied(learner.params)
            if lowest.is_over(stop.patience):
                break
        return program.whole(learner.params if best is None else best)

    return train_alone


def _of_network(step: WeightStep, network: Int[Array, " site"]) -> WeightStep:
    """A step of any network, of this one."""
    return lambda learner, *given: step(learner, network, *given)


def _mean_loss(
    losses: list[DevLoss], dev: Dev, row: Any, params: SharedParams
) -> float:
    """Over the tasks, on the source's dev splits."""
    found = [loss(params, own, row) for loss, own in zip(losses, dev, strict=True)]
    return float(np.mean([float(one) for one in local(found)]))


def _dev_batches(experiment: Experiment) -> Dev:
    """Of each task the source's dev split, which no weight learns from."""
    return tuple(
        scoring_data(experiment, part, (part.roles.source,), "dev", "train").batches
        for part in experiment.parts
    )
