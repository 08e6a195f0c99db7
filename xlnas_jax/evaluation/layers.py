"""Sentence vectors of every layer of the full network."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.data.batches.batches import scoring_batches
from xlnas_jax.data.batches.rows import one_each
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import Batch

# As many tokens at once as scoring takes of one candidate.
_BATCH_TOKENS = 2048


def encode_layers(
    experiment: Experiment,
    part: TaskPart,
    params: SupernetParams,
    texts: Sequence[str],
    report: Report = unheard,
) -> Float[np.ndarray, "layer text model"]:
    """The mean over each text's tokens: of the embeddings, then after every layer.

    In float32, whatever precision the search trains in. Texts are cut as the task
    cuts them.

    Args:
        report: is told how many batches are done.
    """
    supernet = make_supernet(experiment.space, experiment.shape)

    @jax.jit
    def encode(params: SupernetParams, batch: Batch) -> Array:
        embedded = supernet.embed(params.encoder.embeddings, batch)
        x = supernet.pick(embedded, None)
        seen = supernet.see_full(params, x, batch)
        first = sentence_vector(x, batch.mask)[None]
        return jax.numpy.concatenate([first, seen.vectors])

    no_labels = np.zeros(len(texts), np.int32)
    rows = one_each(part.tokenizer.encode(list(texts)), no_labels)
    batches, plans = scoring_batches(
        rows, part.tokens.num_buckets, _BATCH_TOKENS, part.tokenizer.pad_id
    )
    layers, width = experiment.shape.num_layers + 1, experiment.shape.width
    found = np.zeros((layers, len(texts), width), np.float32)
    total, done = sum(len(plan.rows) for plan in plans), 0
    for steps, plan in zip(batches, plans, strict=True):
        for step in range(len(plan.rows)):
            report("encoding texts", done, total)
            done += 1
            batch = jax.tree.map(lambda leaf, n=step: leaf[n], steps)
            is_real = plan.weight[step] > 0
            vectors = np.asarray(encode(params, batch))
            found[:, plan.rows[step][is_real]] = vectors[:, is_real]
    report("encoding texts", total, total)
    return found
