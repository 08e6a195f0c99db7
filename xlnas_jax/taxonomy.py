"""What a search consists of, on three axes, and which combinations make no sense.

After Elsken et al.: a search space, a search strategy, and (here) the objectives that
stand for performance estimation. Every part declares what it is by a few tags, and a
combination is refused before anything is trained where its tags say that the result
could only be trivial or meaningless.

References:
    Elsken et al., "Neural architecture search: a survey", 2019.
    https://jmlr.org/papers/v20/18-598.html
"""

import difflib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from xlnas_jax.config import Config
from xlnas_jax.objectives import Objective
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.types import ConfigError, brief

Family = Literal["control", "gradient", "policy gradient", "evolution", "model-based"]


class Strategy(NamedTuple):
    """Tags of one search strategy.

    Attributes:
        learns_from: `nothing`, `scores` of the candidates it asked for, or `gradients`
            of the auxiliary loss by architecture parameters.
        seeks: one `reward` that weighs all objectives, or a `front` of them.
        sees: whether it can know that the best choice at one site depends on another.
    """

    family: Family
    learns_from: Literal["nothing", "scores", "gradients"]
    seeks: Literal["nothing", "reward", "front"]
    sees: Literal["nothing", "sites alone", "interactions"]
    paper: str


STRATEGIES = {
    "random": Strategy(
        "control", "nothing", "nothing", "nothing", "Li and Talwalkar 2019"
    ),
    "uniform": Strategy("control", "nothing", "nothing", "nothing", "Tan and Le 2019"),
    "more_params": Strategy("control", "nothing", "nothing", "nothing", "-"),
    "reinforce": Strategy(
        "policy gradient", "scores", "reward", "sites alone", "Williams 1992"
    ),
    "autoregressive": Strategy(
        "policy gradient", "scores", "reward", "interactions", "Pham et al. 2018"
    ),
    "regularised_evolution": Strategy(
        "evolution", "scores", "reward", "interactions", "Real et al. 2019"
    ),
    "nsga2": Strategy(
        "evolution", "scores", "front", "interactions", "Deb et al. 2002"
    ),
    "predictor": Strategy(
        "model-based", "scores", "front", "interactions", "Cummings et al. 2022"
    ),
    "optuna": Strategy(
        "model-based", "scores", "front", "interactions", "Akiba et al. 2019"
    ),
    "darts": Strategy(
        "gradient", "gradients", "reward", "sites alone", "Liu et al. 2019"
    ),
    "gdas": Strategy(
        "gradient", "gradients", "reward", "sites alone", "Dong and Yang 2019"
    ),
}
PICKS = ("best", "knee", "smallest")
_IDENTIFIER = re.compile("[0-9a-f]{10}")
# Gradient strategies descend on the mean auxiliary loss; these two rank by it.
DIFFERENTIABLE = ("loss", "error")


def require_sense(
    config: Config, space: SearchSpace, objectives: tuple[Objective, ...]
) -> None:
    """Raises `ConfigError` for a combination that makes no sense, saying why."""
    for reason in objections(config, space, objectives):
        raise ConfigError(reason)


def objections(
    config: Config, space: SearchSpace, objectives: tuple[Objective, ...]
) -> Iterator[str]:
    """What speaks against searching so."""
    kind = config.controller.kind
    strategy = STRATEGIES[kind]
    names = [objective.name for objective in objectives]
    if space.size == 1:
        yield (
            "space: must hold more than one architecture, or there is nothing to "
            "search; got one. Set space.elastic_depth, space.heads or space.ffn."
        )
    pick = config.export.pick
    if pick not in PICKS and not _IDENTIFIER.fullmatch(pick):
        close = difflib.get_close_matches(pick, PICKS, 1)
        yield (
            f"export.pick: must be one of {', '.join(PICKS)}, or the id of a network, "
            f"which has ten of the characters 0-9 and a-f; got {brief(pick)}. "
            + (f"Did you mean {close[0]!r}?" if close else "Use best.")
        )
    if kind == "nsga2" and len(names) == 1:
        yield (
            f"controller: nsga2 sorts candidates into fronts, which are single points "
            f"where {names[0]} is the only objective. Add a cost to "
            f"search.objectives, or use regularised_evolution."
        )
    if kind == "more_params" and not _limits_size(config):
        yield (
            "controller: more_params only ever proposes the full network where no "
            "limit is set. Set constraints.params, encoder_params, flops or "
            "memory_bytes."
        )
    if strategy.family == "gradient" and names[0] not in DIFFERENTIABLE:
        yield (
            f"controller: {kind} follows the gradient of the mean auxiliary loss, "
            f"which is not that of {names[0]!r}. Put one of {list(DIFFERENTIABLE)} "
            f"first in search.objectives, or use a strategy that learns from scores."
        )
    others = [n for n in names[1:] if not _is_cost(objectives, n)]
    if strategy.family == "gradient" and others:
        yield (
            f"controller: {kind} descends on one loss and on costs; it cannot see the "
            f"objectives {others}. Leave them out, or use a strategy that learns from "
            f"scores."
        )


def _limits_size(config: Config) -> bool:
    limits = config.constraints
    named = (limits.params, limits.encoder_params, limits.flops, limits.memory_bytes)
    return any(limit is not None for limit in named)


def _is_cost(objectives: tuple[Objective, ...], name: str) -> bool:
    return next(one.is_cost for one in objectives if one.name == name)
