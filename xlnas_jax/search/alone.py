"""One network trained by itself, whichever: all of them by one compiled program."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.devices.sharding import make_layout, make_mesh, place, require_divisible
from xlnas_jax.experiment.draws import round_key
from xlnas_jax.experiment.parts import Experiment, learns_from_text
from xlnas_jax.search.learn import make_plan, make_settings, make_training_supernet
from xlnas_jax.search.teacher import Rows
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.training.optimizer import make_optimizer, rise_and_fall
from xlnas_jax.training.step import make_step_alone

# Is told the number of steps done, and shown the weights, which the next step takes.
Watch = Callable[[int, SharedParams], None]
# `(params, row, watch) -> params`; `watch` may be left out.
TrainAlone = Callable[..., SharedParams]
How = FinalistsConfig | TuningConfig


@jax.jit
def _copied(params: SharedParams) -> SharedParams:
    return jax.tree.map(jnp.copy, params)


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
    require_divisible(mesh, train.batch_size)
    layout = make_layout(mesh, config.devices.fsdp)
    supernet = make_training_supernet(experiment)
    settings = make_settings(experiment, supernet)
    uses_texts = with_texts and learns_from_text(config)
    plan = make_plan(experiment, rows, not uses_texts)
    made: list = []

    def make(params: SharedParams) -> tuple:
        optimizer = make_optimizer(train, params, None)
        return optimizer, [
            make_step_alone(method, one, supernet, optimizer, config.seed, name, layout)
            for name, one in settings.items()
        ]

    def train_alone(
        params: SharedParams,
        row: Int[np.ndarray, " site"],
        watch: Watch | None = None,
    ) -> SharedParams:
        if not made:
            made.append(make(params))
        optimizer, take = made[0]
        key = round_key(config, "method", 2)
        own = {
            name: method.init(one, jax.random.fold_in(key, number))
            for number, (name, one) in enumerate(settings.items())
        }
        # A step writes over the weights that it is given.
        learner = init_learner(_copied(params), optimizer, own)
        learner = place(mesh, learner, config.devices.fsdp)
        network = jax.device_put(np.asarray(row, np.int32))
        share = float(experiment.costs.shares_of_flops(np.asarray(row)[None])[0])
        # A network without layers has no share, and nothing that learns there.
        peak = how.learning_rate * (share**-how.rate_exponent if share else 1.0)
        steps = how.steps if isinstance(how, TuningConfig) else how.steps_of(share)
        for number in range(steps):
            task, bucket, index, weight = plan[number]
            given = rows[task][bucket], index, weight
            rate = peak * rise_and_fall(number, steps, train.warmup_fraction)
            learner, _ = take[task](learner, network, np.float32(rate), *given)
            if watch is not None:
                watch(number + 1, learner.params)
        return learner.params

    return train_alone
