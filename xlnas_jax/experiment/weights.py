"""The weights that a search begins with: imported or new, and new task heads."""

import dataclasses
import pathlib
from typing import NamedTuple

import jax

from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.experiment.fidelity import require_fidelity
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.pieces.sharing import with_shared_rows
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder, make_normal, with_new_stages
from xlnas_jax.supernet.narrow import Kept, choose, narrow, narrow_dense
from xlnas_jax.supernet.params import EncoderParams, HeadParams, SharedParams
from xlnas_jax.supernet.stages.pooling import POOLING, is_weighted


class Whole(NamedTuple):
    """A pretrained encoder before it is narrowed, with the vocabulary that is kept.

    Attributes:
        kept: what will be left of it; None where that is all.
    """

    encoder: EncoderParams
    shape: EncoderShape
    kept: Kept | None


def import_params(experiment: Experiment) -> SharedParams:
    """As `init_params`; those of a trimmed encoder are held against the whole one.

    Raises:
        ConfigError: it gives other vectors or logits.
    """
    params, whole = _init(experiment)
    model, vocabulary = experiment.config.model, experiment.vocabulary
    if isinstance(model, PretrainedModel) and vocabulary and vocabulary.trimming:
        dims = None if whole is None or whole.kept is None else whole.kept.dims
        given = experiment, vocabulary, vocabulary.trimming, _folder(model), params
        require_fidelity(*given, dims)
    return params


def init_params(experiment: Experiment) -> SharedParams:
    """Imported or new encoder weights, and new task heads."""
    return _init(experiment)[0]


def _init(experiment: Experiment) -> tuple[SharedParams, Whole | None]:
    """Also the encoder as it was imported, if it was."""
    config, shape = experiment.config, experiment.shape
    encoder_key, head_key = jax.random.split(jax.random.key(config.seed))
    is_new = isinstance(config.model, ScratchModel)
    whole = None if is_new else whole_encoder(experiment)
    heads = {
        part.name: _init_head(
            experiment, part, jax.random.fold_in(head_key, number), whole
        )
        for number, part in enumerate(experiment.parts)
    }
    if whole is None:
        encoder = init_encoder(encoder_key, shape, experiment.space)
        return SharedParams(encoder=encoder, heads=heads), None
    encoder = whole.encoder if whole.kept is None else narrow(whole.encoder, whole.kept)
    made = with_new_stages(encoder, make_normal(encoder_key), shape, experiment.space)
    made = with_shared_rows(made, shape)
    return SharedParams(encoder=made, heads=heads), whole


def whole_encoder(experiment: Experiment) -> Whole:
    """The pretrained encoder as it is, and what `model.narrow` leaves of it."""
    model, shape = experiment.config.model, experiment.shape
    assert isinstance(model, PretrainedModel)
    folder, vocabulary = _folder(model), experiment.vocabulary
    trimming = vocabulary.trimming if vocabulary else None
    if model.narrow is not None:
        size = shape.vocab_size, shape.pad_id
        shape = pretrained.read_shape(folder)
        shape = dataclasses.replace(shape, vocab_size=size[0], pad_id=size[1])
    kept = trimming.kept if trimming else None
    encoder = pretrained.load_encoder(folder, shape, kept)
    left = None if model.narrow is None else choose(encoder, experiment.shape)
    return Whole(encoder, shape, left)


def _folder(model: PretrainedModel) -> pathlib.Path:
    return pretrained.resolve(model.path, model.revision)


def abstract_weights(experiment: Experiment) -> SharedParams:
    """Shapes and dtypes of the weights, in their structure; nothing is computed."""

    def make() -> SharedParams:
        heads = {p.name: _new_head(experiment, p, None) for p in experiment.parts}
        encoder = init_encoder(None, experiment.shape, experiment.space)
        return SharedParams(encoder=encoder, heads=heads)

    return jax.eval_shape(make)


def _new_head(experiment: Experiment, part: TaskPart, key) -> HeadParams:
    task = part.task
    return init_head(
        key,
        experiment.shape,
        task.num_outputs,
        any(is_weighted(str(one)) for one in experiment.space.knob(POOLING).choices),
        task.reads_tokens,
        len(part.own_heads),
        task.gives_vectors,
    )


def _init_head(
    experiment: Experiment, part: TaskPart, key, whole: Whole | None
) -> HeadParams:
    """A new head; of sentences, with the checkpoint's dense layer where it has one."""
    model, head = experiment.config.model, _new_head(experiment, part, key)
    is_new = part.task.reads_tokens or part.task.gives_vectors
    if is_new or whole is None or isinstance(model, ScratchModel):
        return head
    pooler = pretrained.load_pooler(_folder(model), whole.shape)
    if pooler is not None and whole.kept is not None:
        pooler = narrow_dense(pooler, whole.kept)
    return head if pooler is None else dataclasses.replace(head, hidden=pooler)
