"""The weights that a search begins with: imported or new, and new task heads."""

import dataclasses

import jax

from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.experiment.fidelity import require_fidelity
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder, make_normal, with_new_stages
from xlnas_jax.supernet.params import HeadParams, SharedParams
from xlnas_jax.supernet.stages.pooling import POOLING, is_weighted


def import_params(experiment: Experiment) -> SharedParams:
    """As `init_params`; those of a trimmed encoder are held against the whole one.

    Raises:
        ConfigError: it gives other vectors or logits.
    """
    params = init_params(experiment)
    model, vocabulary = experiment.config.model, experiment.vocabulary
    if isinstance(model, PretrainedModel) and vocabulary and vocabulary.trimming:
        folder = pretrained.resolve(model.path, model.revision)
        trimming = vocabulary.trimming
        require_fidelity(experiment, vocabulary, trimming, folder, params)
    return params


def init_params(experiment: Experiment) -> SharedParams:
    """Imported or new encoder weights, and new task heads."""
    config, shape = experiment.config, experiment.shape
    encoder_key, head_key = jax.random.split(jax.random.key(config.seed))
    heads = {
        part.name: _init_head(experiment, part, jax.random.fold_in(head_key, number))
        for number, part in enumerate(experiment.parts)
    }
    if isinstance(config.model, ScratchModel):
        encoder = init_encoder(encoder_key, shape, experiment.space)
        return SharedParams(encoder=encoder, heads=heads)
    folder = pretrained.resolve(config.model.path, config.model.revision)
    vocabulary = experiment.vocabulary
    trimming = vocabulary.trimming if vocabulary else None
    encoder = with_new_stages(
        pretrained.load_encoder(folder, shape, trimming.kept if trimming else None),
        make_normal(encoder_key),
        shape,
        experiment.space,
    )
    return SharedParams(encoder=encoder, heads=heads)


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


def _init_head(experiment: Experiment, part: TaskPart, key) -> HeadParams:
    """A new head; of sentences, with the checkpoint's dense layer where it has one."""
    config, shape = experiment.config, experiment.shape
    head = _new_head(experiment, part, key)
    is_new = part.task.reads_tokens or part.task.gives_vectors
    if is_new or isinstance(config.model, ScratchModel):
        return head
    folder = pretrained.resolve(config.model.path, config.model.revision)
    pooler = pretrained.load_pooler(folder, shape)
    return head if pooler is None else dataclasses.replace(head, hidden=pooler)
