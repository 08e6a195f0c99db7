"""The supernet that a table's networks were scored with."""

from pathlib import Path

from rich.progress import Progress

from xlnas_jax.config.config import Config
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.state import read_data
from xlnas_jax.search.engine import make_engine
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.training.learner import Learner

SAVED_EVERY = 5


def train(config: Config, run_dir: Path) -> Learner:
    """The weights after all steps; continues where it was stopped."""
    experiment = prepare(config)
    engine, state = make_engine(experiment, *read_data(experiment))
    last = engine.num_warm_up + config.search.rounds
    with Checkpoints(run_dir / "checkpoints", 2) as saved, Progress() as bar:
        first, learner = saved.restore(state.learner) or (0, state.learner)
        task = bar.add_task("training", total=last, completed=first)
        for number in range(first, last):
            learner, loss = engine.learn(learner, number)
            bar.update(task, advance=1, description=f"training, loss {loss:.3f}")
            if number + 1 == last or (number + 1) % SAVED_EVERY == 0:
                saved.save(number + 1, learner)
    return learner
