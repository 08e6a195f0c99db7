"""What a search minimises: transfer scores over languages, and costs.

Objectives are plain functions of metrics per language and of costs, so that the
same evaluation serves any of them. The transfer loss is that of the auxiliary
languages, what it exceeds the source's by, and what translations are apart; each of
the last two is only measured where its weight is above 0. The divergence from the full
network takes no labels, and is of languages too that have none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.config.transfer import TransferConfig
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.space.cost import COSTS, TUNED_PARAMS
from xlnas_jax.space.disk import DISK
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.divergence import DIVERGENCE
from xlnas_jax.tasks.drop import DROP
from xlnas_jax.types import ConfigError

# Of one task, by name, with a column for each auxiliary language, in order; then, where
# an objective needs a teacher, for each language of text alone; where one needs the
# source, it is the last. Every task has its own languages.
Metrics = Mapping[str, Float[Array, "pop _"]]
Costs = Mapping[str, Float[Array, " pop"]]
Roles = Mapping[str, LanguageRoles]

TRANSFER = {
    "error": ("error", "mean"),
    "worst_error": ("error", "max"),
    "loss": ("loss", "mean"),
    "worst_loss": ("loss", "max"),
    DIVERGENCE: (DIVERGENCE, "mean"),
    "worst_divergence": (DIVERGENCE, "max"),
    DROP: (DROP, "mean"),
    "worst_drop": (DROP, "max"),
}
# Whose mean over languages ranks networks as the mean auxiliary loss does.
DIFFERENTIABLE = ("loss", "error")
OF_LANGUAGE = ("error", "loss", DIVERGENCE, DROP)
TRANSFER_LOSS = "transfer_loss"
SOURCE, ALIGNMENT, TEACHER = "source", "alignment", "teacher"
# What metrics need that are held against a teacher.
_OF_TEACHER = {
    DIVERGENCE: frozenset({TEACHER}),
    DROP: frozenset({TEACHER, DROP}),
}
_DEFAULT = TransferConfig()


class Objective(NamedTuple):
    """A named column of the objective matrix; lower is better.

    Attributes:
        name: as it was configured.
        is_cost: known before anything is run.
        value: of every candidate, from the metrics of each task and the costs.
        meaning: what it is, in words.
        needs: what is measured for it beside auxiliary scores: `source`, `alignment`,
            `teacher`, and `drop` of the teacher's errors.
        is_mean: it is a mean over examples, so that some of them estimate it without
            bias; a maximum, or what exceeds a margin, is not.
        follows_loss: networks are ranked by it as by the mean auxiliary loss, whose
            gradient in relaxed networks is known.
    """

    name: str
    is_cost: bool
    value: Callable[[Sequence[Metrics], Costs], Float[Array, " pop"]]
    meaning: str
    needs: frozenset[str] = frozenset()
    is_mean: bool = True
    follows_loss: bool = False


def make_objectives(
    names: tuple[str, ...],
    roles: Roles | None = None,
    transfer: TransferConfig = _DEFAULT,
    costs: Sequence[str] = (*COSTS, TUNED_PARAMS, DISK, LATENCY),
) -> tuple[Objective, ...]:
    """Checks the configured names: a transfer score first, then anything.

    Args:
        roles: of each task, by name, in order; without them no language can be named.
        costs: names of the costs there are.

    Raises:
        ConfigError: a name is unknown, of a language that must not be looked at, or
            there twice.
    """
    needs = _needs(transfer) if TRANSFER_LOSS in names else frozenset()
    roles = roles or {}
    made = []
    for name in names:
        metric, colon, _ = name.partition(":")
        if name in costs:
            made.append(_cost(name))
        elif name in TRANSFER:
            made.append(_over_languages(name, roles))
        elif name == TRANSFER_LOSS:
            made.append(_transfer_loss(transfer, roles, needs))
        elif colon and metric in OF_LANGUAGE:
            made.append(_of_language(name, roles))
        else:
            raise _unknown(name, costs)
    if not made or made[0].is_cost:
        raise ConfigError(
            f"search.objectives: the first must be a transfer score, one of "
            f"{_scores()}; got {list(names)}."
        )
    # Two spellings of one language have one meaning.
    if len({objective.meaning for objective in made}) != len(made):
        raise ConfigError(f"search.objectives: names must differ; got {list(names)}.")
    return tuple(made)


def objective_matrix(
    objectives: Sequence[Objective], metrics: Sequence[Metrics], costs: Costs
) -> Float[Array, "pop obj"]:
    """All objectives side by side."""
    return jnp.stack([one.value(metrics, costs) for one in objectives], axis=-1)


def task_metrics(
    tasks: Sequence[Task],
    statistics: Sequence[Float[Array, "pop _ _"]],
    alignment: Sequence[Float[Array, "pop _"]] = (),
) -> list[dict[str, Any]]:
    """Metrics of each task; `alignment` among them where it was measured."""
    found: list[dict[str, Any]] = [
        dict(task.metrics(sums)) for task, sums in zip(tasks, statistics, strict=True)
    ]
    for own, similarity in zip(found, alignment, strict=False):
        own[ALIGNMENT] = similarity
    return found


def needs_of(objectives: Sequence[Objective]) -> frozenset[str]:
    """What any of them needs to be measured beside auxiliary scores."""
    return frozenset().union(*(objective.needs for objective in objectives))


def _cost(name: str) -> Objective:
    def value(metrics: Sequence[Metrics], costs: Costs) -> Float[Array, " pop"]:
        return costs[name]

    return Objective(name, True, value, f"the cost {name}")


def _columns(metric: str, roles: Roles, num: int) -> list[int | None]:
    """Of each of `num` tasks, how many columns of a metric count: all if None."""
    if not roles:
        return [None] * num
    return [columns_of(metric, own) for own in roles.values()]


def columns_of(metric: str, roles: LanguageRoles) -> int:
    """How many columns of a metric count: of divergence text without labels too."""
    texts = len(roles.text_only) if metric == DIVERGENCE else 0
    return len(roles.aux_heldout) + texts


def _over_languages(name: str, roles: Roles) -> Objective:
    """Mean or maximum; tasks count alike, however many languages they have."""
    metric, reduce = TRANSFER[name]

    def value(metrics: Sequence[Metrics], costs: Costs) -> Float[Array, " pop"]:
        stops = _columns(metric, roles, len(metrics))
        heldout = [
            found[metric][:, :stop] for found, stop in zip(metrics, stops, strict=True)
        ]
        if reduce == "max":
            return jnp.stack([own.max(-1) for own in heldout]).max(0)
        return jnp.stack([own.mean(-1) for own in heldout]).mean(0)

    words = {"mean": "mean over", "max": "the worst of"}[reduce]
    meaning = f"{metric}, {words} auxiliary languages"
    needs = _OF_TEACHER.get(metric, frozenset())
    is_mean, follows = reduce == "mean", reduce == "mean" and not needs
    if metric == DIVERGENCE:
        meaning = f"divergence from the full network, {words} unlabelled text"
    if metric == DROP:
        meaning = f"error beyond the full network's, {words} auxiliary languages"
    return Objective(name, False, value, meaning, needs, is_mean, follows)


def _transfer_loss(
    transfer: TransferConfig, roles: Roles, needs: frozenset[str]
) -> Objective:
    """The loss and the terms that are switched on, of each task; tasks count alike."""
    without = -1 if SOURCE in needs else None

    def of_task(found: Metrics, stop: int | None) -> Float[Array, " pop"]:
        stop = without if stop is None else stop
        heldout = found["loss"][:, :stop].mean(-1)
        total = heldout
        if SOURCE in needs:
            excess = heldout - found["loss"][:, -1] - transfer.gap_margin
            total = total + transfer.gap_weight * jax.nn.relu(excess)
        if ALIGNMENT in needs:
            apart = 1.0 - found[ALIGNMENT].mean(-1)
            total = total + transfer.alignment_weight * apart
        return total

    def value(metrics: Sequence[Metrics], costs: Costs) -> Float[Array, " pop"]:
        stops = _columns("loss", roles, len(metrics))
        return jnp.stack(list(map(of_task, metrics, stops))).mean(0)

    terms = ["aux loss"]
    if SOURCE in needs:
        margin = f" - {transfer.gap_margin:g}" if transfer.gap_margin else ""
        terms.append(f"{transfer.gap_weight:g} max(0, aux loss - source loss{margin})")
    if ALIGNMENT in needs:
        terms.append(f"{transfer.alignment_weight:g} (1 - {transfer.alignment})")
    meaning = f"{' + '.join(terms)}, of each task"
    return Objective(TRANSFER_LOSS, False, value, meaning, needs, not needs)


def _needs(transfer: TransferConfig) -> frozenset[str]:
    weights = {SOURCE: transfer.gap_weight, ALIGNMENT: transfer.alignment_weight}
    return frozenset(name for name, weight in weights.items() if weight > 0)


def _of_language(name: str, roles: Roles) -> Objective:
    """One auxiliary language: of every task that has it, or of a named one."""
    metric, _, place = name.partition(":")
    places = _places(name, place, roles)

    def value(metrics: Sequence[Metrics], costs: Costs) -> Float[Array, " pop"]:
        columns = [metrics[task][metric][:, column] for task, column in places]
        return jnp.stack(columns).mean(0)

    tasks = list(roles)
    columns = [f"{tasks[t]}/{roles[tasks[t]].aux_heldout[c]}" for t, c in places]
    if len(tasks) == 1:
        columns = [column.partition("/")[2] for column in columns]
    meaning = f"{metric} in {', '.join(columns)}"
    needs = _OF_TEACHER.get(metric, frozenset())
    return Objective(name, False, value, meaning, needs)


def _places(name: str, place: str, roles: Roles) -> list[tuple[int, int]]:
    """Number of the task and of its auxiliary language, for each that is meant."""
    task, slash, language = place.rpartition("/")
    if slash and task not in roles:
        raise ConfigError(
            f"search.objectives: {name!r} names a task that is not there. The tasks "
            f"are {', '.join(roles)}."
        )
    meant = {task: roles[task]} if slash else roles
    try:
        code = normalise(language)
    except ConfigError:
        code = language
    numbers = {task: number for number, task in enumerate(roles)}
    places = [
        (numbers[task], own.aux_heldout.index(code))
        for task, own in meant.items()
        if code in own.aux_heldout
    ]
    if not places:
        raise _not_heldout(name, code, meant)
    return places


def _not_heldout(name: str, code: str, roles: Roles) -> ConfigError:
    """Why a language cannot be an objective, and which ones can."""
    known = list(dict.fromkeys(c for own in roles.values() for c in own.aux_heldout))
    reason = "no language of these tasks"
    if any(code in own.target for own in roles.values()):
        reason = (
            "a target language: its labels are read once, at the end, when nothing is "
            "chosen any more"
        )
    elif any(code in (own.source, *own.aux_train) for own in roles.values()):
        reason = (
            "a language that the weights learn from, which says nothing of transfer"
        )
    return ConfigError(
        f"search.objectives: the language of {name!r} must be an auxiliary held-out "
        f"one; {code!r} is {reason}. Auxiliary are {', '.join(known) or 'none'}."
    )


def _scores() -> list[str]:
    per_language = [f"{metric}:LANGUAGE" for metric in OF_LANGUAGE]
    return [*TRANSFER, TRANSFER_LOSS, *per_language]


def _unknown(name: str, costs: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"search.objectives: {name!r} is unknown. Transfer scores are {_scores()}, "
        f"costs are {list(costs)}."
    )
