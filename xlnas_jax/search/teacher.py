"""The full network as the warm-up left it, and what it makes of every text.

It does not change any more, so all that it says is computed once: what is learnt from
it, and what candidates are held against, costs no forward pass of the full network.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.experiment.arrays import ScoringData
from xlnas_jax.experiment.parts import Experiment, TaskPart, learns_from_teacher
from xlnas_jax.search.search import SearchState
from xlnas_jax.supernet.params import SharedParams, SupernetParams
from xlnas_jax.supernet.stages.pooling import POOLING
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.step import network_of
from xlnas_jax.types import Architecture, Batch, Said

Rows = tuple[tuple[Batch, ...], ...]
Hear = Callable[[SupernetParams, Batch], Said]
# Training rows that are run at once.
_AT_ONCE = 32


def new_teacher(experiment: Experiment, params: SharedParams) -> SharedParams | None:
    """Room for a teacher, before the warm-up is over; None where none is needed."""
    if not experiment.has_teacher:
        return None

    def blank(params: SharedParams) -> SharedParams:
        return jax.tree.map(jnp.zeros_like, own_weights(experiment, params))

    return jax.jit(blank)(params)


def appoint(experiment: Experiment, state: SearchState) -> SearchState:
    """The full network as it is becomes the teacher, where there is to be one."""
    if state.teacher is None:
        return state

    def copied(params: SharedParams) -> SharedParams:
        # The next step is given the weights to write over.
        return jax.tree.map(jnp.copy, own_weights(experiment, params))

    return dataclasses.replace(state, teacher=jax.jit(copied)(state.learner.params))


def whole_teacher(
    experiment: Experiment, teacher: SharedParams, params: SharedParams
) -> SharedParams:
    """A teacher with the embeddings that it shares with the weights, if it does."""
    if experiment.config.train.trains_embeddings:
        return teacher
    embeddings = params.encoder.embeddings
    encoder = dataclasses.replace(teacher.encoder, embeddings=embeddings)
    return dataclasses.replace(teacher, encoder=encoder)


def own_weights(experiment: Experiment, params: SharedParams) -> SharedParams:
    """What of the weights may differ from those of later rounds."""
    if experiment.config.train.trains_embeddings:
        return params
    nothing = jax.tree.map(lambda leaf: leaf[:0], params.encoder.embeddings)
    encoder = dataclasses.replace(params.encoder, embeddings=nothing)
    return dataclasses.replace(params, encoder=encoder)


def full_architecture(experiment: Experiment) -> Architecture:
    """The whole network, with mean pooling if that is a choice."""
    space = experiment.space
    choices = dict(space.largest().choices)
    poolings = space.knob(POOLING).choices
    if "mean" in poolings:
        mean = np.full(1, poolings.index("mean"), np.int32)
        choices[POOLING] = jax.device_put(mean)
    return Architecture(choices=choices)


def listen(
    experiment: Experiment,
    rows: Rows,
    heldout: tuple[ScoringData, ...],
    teacher: SharedParams,
) -> tuple[Rows, tuple[ScoringData, ...]]:
    """Training rows and scoring data, with what the teacher says of each.

    Rows that nothing learns from, and data that nothing is held against, stay as they
    are.
    """
    hears = [_make_hear(experiment, part) for part in experiment.parts]
    params = [teacher.of_task(part.name) for part in experiment.parts]
    if learns_from_teacher(experiment.config):
        rows = tuple(
            tuple(_told(bucket, hear, weights) for bucket in own)
            for hear, weights, own in zip(hears, params, rows, strict=True)
        )
    if experiment.measures_divergence and heldout:
        heldout = tuple(
            _heard(data, lambda batch, h=hear, w=weights: Said(h(w, batch).logits))
            for hear, weights, data in zip(hears, params, heldout, strict=True)
        )
    return rows, heldout


def _told(rows: Batch, hear: Hear, weights: SupernetParams) -> Batch:
    """Rows with what is said of them, and of the translations beside them."""
    other = rows.other
    if other is not None:
        other = dataclasses.replace(other, said=hear(weights, other))
    return dataclasses.replace(rows, said=hear(weights, rows), other=other)


def unheard(
    experiment: Experiment, heldout: tuple[ScoringData, ...]
) -> tuple[ScoringData, ...]:
    """Scoring data with room for what a teacher says: to time what runs on it."""
    if not experiment.measures_divergence:
        return heldout

    def blank(part: TaskPart, batch: Batch) -> Said:
        tokens = batch.tokens.shape
        lead = tokens if part.task.reads_tokens else tokens[:-1]
        return Said(
            jax.device_put(np.zeros((*lead, part.task.num_outputs), np.float32))
        )

    return tuple(
        _heard(data, lambda batch, part=part: blank(part, batch))
        for part, data in zip(experiment.parts, heldout, strict=True)
    )


def _heard(data: ScoringData, say: Callable[[Batch], Said]) -> ScoringData:
    """The data with what is said of all that candidates are run on."""
    return data._replace(
        **{
            name: tuple(
                dataclasses.replace(batch, said=say(batch))
                for batch in getattr(data, name)
            )
            for name in ("batches", "texts", "source")
        }
    )


def _make_hear(experiment: Experiment, part: TaskPart) -> Hear:
    """What the full network of one task makes of rows, or of steps of rows."""
    supernet = make_supernet(experiment.space, experiment.shape)
    train, arch = experiment.config.train, full_architecture(experiment)
    network = network_of(supernet, train.kd_layers > 0)

    def one(params: SupernetParams, batch: Batch) -> Said:
        x = supernet.embed(params.encoder.embeddings, batch)
        said = network.full(params, x, batch, arch)
        vector = said.vector if train.kd_vector or train.kd_relation else None
        return Said(said.logits, vector, said.layers)

    @jax.jit
    def hear(params: SupernetParams, rows: Batch) -> Said:
        lead = rows.length.shape
        num = rows.length.size
        flat = jax.tree.map(
            lambda leaf: leaf.reshape(num, *leaf.shape[len(lead) :]), rows
        )
        order = np.resize(
            np.arange(num, dtype=np.int32), (-(-num // _AT_ONCE), _AT_ONCE)
        )

        def some(chosen: Any) -> Said:
            return one(params, jax.tree.map(lambda leaf: leaf[chosen], flat))

        said = jax.lax.map(some, jnp.asarray(order))
        return jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:num].reshape(
                *lead, *leaf.shape[2:]
            ),
            said,
        )

    return hear
