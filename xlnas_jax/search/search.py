"""The bi-level search: one round after another, one state in, one state out.

A round updates the shared weights on source data, takes gradient steps of the
architecture on auxiliary languages where the strategy is of that kind, asks it for
candidates, drops what breaks a constraint before any forward pass, scores the rest on
auxiliary languages in one call, tells the controller, and keeps the best. Target
languages take no part in it. Before the first such round the full network alone is
trained for a while (warm-up).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.objectives.pareto import Archive
from xlnas_jax.search.adapt import Adapt, AdaptState, adapted
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.learner import Learner
from xlnas_jax.types import Evaluation

# Kept on the host: the round's number decides what is dispatched next.
Count = np.integer | Int[np.ndarray, ""] | Int[Array, ""]


class Proposal(NamedTuple):
    """Feasible candidates of one round, in the order they were drawn.

    Attributes:
        indices: a full population; rows from `num` on only fill the shape.
        num: how many are meant.
        rejected: how many were drawn that broke a limit; none was ever run.
        costs: exact counts of every row.
        is_drawn: False for rows that the strategy did not draw (`Controller.alter`).
    """

    indices: Int[np.ndarray, "pop site"]
    num: int
    rejected: int
    costs: dict[str, Int[np.ndarray, " pop"]]
    is_drawn: Bool[np.ndarray, " pop"]


@struct.dataclass
class SearchState:
    """Everything a search carries: saving it and loading it loses nothing.

    Random keys and the position in the data follow from the seed and `round`.

    Attributes:
        learner: shared weights, optimizer state, weight steps done.
        controller: the strategy's own state.
        archive: the best candidates met so far, scored with the weights of their
            round.
        round: rounds done, those of the warm-up included.
        evaluated: candidates scored. rejected: candidates dropped unscored.
        failed: of those scored, the ones whose scores are not finite.
        teacher: the full network as the warm-up left it, from which candidates learn
            or against which they are held; None in searches without one. Word
            embeddings that are never trained are not kept a second time.
        space: the part of the space that is searched, where that adapts.
    """

    learner: Learner
    controller: Any
    archive: Archive
    round: Count
    evaluated: Count
    rejected: Count
    failed: Count
    teacher: SharedParams | None = None
    space: AdaptState | None = None


# `(evaluation, costs) -> (objectives, metrics of each task)`, a row a candidate.
Measure = Callable[
    [Evaluation, Mapping[str, Int[np.ndarray, " pop"]]],
    tuple[Float[Array, "pop obj"], tuple[Any, ...]],
]


class Engine(NamedTuple):
    """The compiled functions a round is made of; `engine.make_engine` builds them.

    Attributes:
        num_warm_up: how many rounds of warm-up come first.
        learn: `(learner, round) -> (learner, loss)`; the round's weight steps: of
            the full network in the warm-up (which ends with sorting heads and
            neurons by importance), of the sandwich after it.
        refine: `(controller_state, learner, round) -> controller_state`; gradient
            steps of the architecture on auxiliary languages, for strategies that
            take any.
        propose: `(controller_state, round, space_state) -> Proposal`.
        evaluate: `(params, indices, num) -> Evaluation` on auxiliary languages;
            where candidates race, some of them are not scored to the end.
        score: the same, but every candidate is; for what is reported.
        score_as_is: the same with the weights as they are, where `evaluate` and
            `score` train every candidate first.
        tune: trains a candidate as far as they do; None where they do not.
        screen: `(params, indices) -> position` of the best of any number of
            candidates by the first objective, found without scoring all of them to
            the end; None where it takes that.
        measure: `(evaluation, costs) -> (objectives, metrics)`; not finite where a
            score is not.
        judge: `(evaluation, proposal) -> (Told, values)`; objectives, and what
            the archive remembers of each language.
        insert: `(archive, told, values, indices, is_complete) -> archive`; estimates
            are not kept.
        controller: the strategy.
        adapt: what moves the bounds of the space; None where it has none.
    """

    num_warm_up: int
    learn: Callable[[Learner, int], tuple[Learner, Float[Array, ""]]]
    refine: Callable[[Any, Learner, int], Any]
    propose: Callable[..., Proposal]
    evaluate: Callable[[SharedParams, Int[np.ndarray, "pop site"], int], Evaluation]
    score: Callable[[SharedParams, Int[np.ndarray, "pop site"], int], Evaluation]
    score_as_is: Callable[[SharedParams, Int[np.ndarray, "pop site"], int], Evaluation]
    tune: Callable[..., SharedParams] | None
    screen: Callable[[SharedParams, Int[np.ndarray, "pop site"]], int] | None
    measure: Measure
    judge: Callable[[Evaluation, Proposal], tuple[Told, Float[Array, "pop value"]]]
    insert: Callable[..., Archive]
    controller: Controller
    adapt: Adapt | None = None


class RoundMetrics(NamedTuple):
    """What one round has to say; still on the device, so that reading can wait.

    `ruled_out` counts the candidates that were not scored to the end, and `failed`
    those whose scores are not finite.
    """

    loss: Float[Array, ""]
    told: Told | None = None
    summary: Mapping[str, Any] = {}
    ruled_out: int = 0
    failed: Count = np.int32(0)


def step(engine: Engine, state: SearchState) -> tuple[SearchState, RoundMetrics]:
    """One round of the bi-level loop, or of the warm-up before it."""
    number = int(state.round)
    learner, loss = engine.learn(state.learner, number)
    state = dataclasses.replace(state, learner=learner, round=state.round + np.int32(1))
    if number < engine.num_warm_up:
        return state, RoundMetrics(loss)
    controller = engine.refine(state.controller, learner, number)
    proposal = engine.propose(controller, number, state.space)
    evaluation = engine.evaluate(learner.params, proposal.indices, proposal.num)
    told, values = engine.judge(evaluation, proposal)
    controller = engine.controller.tell(controller, told)
    is_complete = evaluation.is_complete
    archive = engine.insert(state.archive, told, values, proposal.indices, is_complete)
    if engine.controller.watch is not None:
        controller = engine.controller.watch(controller, archive)
    failed = np.int32(proposal.num) - told.is_valid.sum(dtype=np.int32)
    searched = number - engine.num_warm_up
    space, bounds = adapted(engine.adapt, state.space, searched, told, evaluation)
    state = dataclasses.replace(
        state,
        controller=controller,
        archive=archive,
        evaluated=state.evaluated + np.int32(proposal.num),
        rejected=state.rejected + np.int32(proposal.rejected),
        failed=state.failed + failed,
        space=space,
    )
    ruled_out = int((~is_complete[: proposal.num]).sum())
    summary = {**engine.controller.summary(controller), **bounds}
    return state, RoundMetrics(loss, told, summary, ruled_out, failed)
