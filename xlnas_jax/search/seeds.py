"""What the first rounds score beside what a strategy draws: networks without a search.

They are known before the first round, and the same whenever it is asked: structures
follow from the space, what pruning leaves from the teacher, which does not change.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, get_args

import numpy as np

from xlnas_jax.config.search import Pruner, SearchConfig, Structure
from xlnas_jax.experiment.draws import distinct
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.pruners import Pruners
from xlnas_jax.search.structures import DEPTHS, Rows, structures
from xlnas_jax.search.teacher import Rows as TrainingRows
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.types import ConfigError

STRUCTURES: tuple[Structure, ...] = get_args(Structure)
PRUNERS: tuple[Pruner, ...] = get_args(Pruner)


class Seeds(NamedTuple):
    """Candidates that come before any that is drawn.

    Attributes:
        most: there are not more of them; beyond, nobody need ask.
        rows: gives them; asked again it gives the same, and takes no time.
    """

    most: int
    rows: Callable[[], Rows]


def make_seeds(
    experiment: Experiment, rows: TrainingRows, teacher: SharedParams | None = None
) -> Seeds:
    """Those that `search.seeds` asks for, each once.

    Args:
        rows: labelled text, by which importance is measured.
        teacher: what is pruned; until there is one, structures are all there is.
    """
    config = experiment.config

    @functools.cache
    def make() -> Rows:
        found = [np.zeros((0, len(experiment.space.num_choices)), np.int32)]
        for kind in config.search.seeds:
            if kind in STRUCTURES:
                found.append(structures(experiment, kind))
            elif teacher is not None:
                pruned = Pruners(experiment, teacher, rows).prune(kind)
                found += [one.row[None] for one in pruned]
        return distinct(experiment, np.concatenate(found))

    return Seeds(_most(config.search, len(config.finalists.budgets)), make)


def _most(config: SearchConfig, budgets: int) -> int:
    sizes = [len(DEPTHS) if kind in STRUCTURES else 1 for kind in config.seeds]
    return sum(sizes) * budgets


def require_prunable(experiment: Experiment) -> None:
    """An error where there is nothing that could be pruned.

    Raises:
        ConfigError: seeds are pruned, and the search has no teacher.
    """
    asked = [kind for kind in experiment.config.search.seeds if kind in PRUNERS]
    if asked and not experiment.has_teacher:
        raise ConfigError(
            f"search.seeds: what is pruned is the teacher, so there must be one; got "
            f"{asked} in a search without. Use train.method distill, or a divergence "
            f"in search.objectives, or leave these seeds out."
        )
