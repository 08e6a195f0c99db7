"""Samplers of Optuna behind the contract of the strategies; see `outside`.

References:
    Akiba et al., "Optuna: a next-generation hyperparameter optimization framework",
    2019. https://arxiv.org/abs/1907.10902
    Ozaki et al., "Multiobjective tree-structured Parzen estimator", 2022.
    https://doi.org/10.1613/jair.1.13188
"""

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.config.controller import OptunaController
from xlnas_jax.controllers.base import Controller, Setting, Strategy
from xlnas_jax.controllers.outside import make_outside
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.types import ConfigError


def make_optuna(config: OptunaController, setting: Setting) -> Controller:
    """A sampler of Optuna; one generation of its NSGA-II is a round's population.

    Raises:
        ConfigError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "controller.kind: 'optuna' needs the package optuna; it cannot be "
            f"imported: {error}. Install it: pip install 'xlnas-jax[optuna]'."
        ) from error
    samplers, generation = optuna.samplers, max(setting.population, 2)

    def build(seed: int) -> "OptunaStudy":
        with _quiet():
            match config.sampler:
                case "tpe":
                    # All choices at once: one model for a candidate, not one a site.
                    sampler = samplers.TPESampler(
                        seed=seed, multivariate=True, constant_liar=True
                    )
                case "nsga2":
                    sampler = _make_nsga2(seed, generation)
                case "random":
                    sampler = samplers.RandomSampler(seed=seed)
            goal = optuna.study.StudyDirection.MINIMIZE
            directions = [goal] * (1 + len(setting.cost_scale))
            study = optuna.create_study(directions=directions, sampler=sampler)
        return OptunaStudy(study, setting.space)

    return make_outside(build, setting)


class OptunaStudy:
    """A study over the sites of a space that have more than one choice.

    Args:
        study: an `optuna.Study` in memory.
    """

    def __init__(self, study: Any, space: SearchSpace) -> None:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        self._study = study
        self._columns: dict[str, int] = {}
        self._distributions: dict[str, Any] = {}
        self._width = len(space.num_choices)
        for knob in space.knobs:
            size = len(knob.choices)
            if size == 1:
                continue
            kind = CategoricalDistribution(range(size))
            if knob.is_ordered:
                kind = IntDistribution(0, size - 1)
            for site in range(knob.sites):
                name = f"{knob.name}.{site}"
                self._columns[name] = space.columns(knob.name).start + site
                self._distributions[name] = kind

    def observe(
        self,
        rows: Int[np.ndarray, "known site"],
        objectives: Float[np.ndarray, "known obj"],
    ) -> None:
        """Adds completed trials."""
        from optuna.trial import create_trial

        for row, values in zip(rows.tolist(), objectives.tolist(), strict=True):
            params = {name: row[column] for name, column in self._columns.items()}
            self._study.add_trial(
                create_trial(
                    params=params, distributions=self._distributions, values=values
                )
            )

    def suggest(self, num: int) -> Int[np.ndarray, "num site"]:
        """Opens `num` trials that are never closed; the study is thrown away."""
        rows = np.zeros((num, self._width), np.int32)
        for row in rows:
            params = self._study.ask(self._distributions).params
            row[list(self._columns.values())] = [params[n] for n in self._columns]
        return rows


def _make_nsga2(seed: int, population: int) -> Any:
    """Optuna's NSGA-II, with generations counted from the order of the trials.

    Its own mark each trial with the generation it was asked for in; trials that are
    added afterwards have no mark, and would count for nothing.
    """
    import optuna

    class CountedGenerations(optuna.samplers.NSGAIISampler):
        def get_trial_generation(self, study: Any, trial: Any) -> int:
            del trial
            return len(self._complete(study)) // population

        def get_population(self, study: Any, generation: int) -> list[Any]:
            first = generation * population
            return self._complete(study)[first : first + population]

        def _complete(self, study: Any) -> list[Any]:
            states = (optuna.trial.TrialState.COMPLETE,)
            return study.get_trials(deepcopy=False, states=states)

    return CountedGenerations(seed=seed, population_size=population)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what Optuna says about new studies from this thread's terminal.

    Its level and handlers stay as they are, for whoever else uses it.
    """
    thread = threading.get_ident()

    def is_shown(record: logging.LogRecord) -> bool:
        return record.thread != thread

    handlers = list(logging.getLogger("optuna").handlers)
    for handler in handlers:
        handler.addFilter(is_shown)
    try:
        with warnings.catch_warnings():
            # Of options that are called experimental.
            warnings.simplefilter("ignore")
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_shown)


STRATEGY = Strategy(
    OptunaController,
    make_optuna,
    "model-based",
    "scores",
    "front",
    "interactions",
    "Akiba et al. 2019",
)
