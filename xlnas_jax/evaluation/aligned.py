"""How alike the sentences of two languages are to each candidate of a population.

A sentence's vector is the mean over its tokens of what the last layer gives, whatever
the candidate's pooling and the task's head are. Vectors come from the same compiled
programs as scores, with the layers that candidates share computed once.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from xlnas_jax.alignment.base import Similarity
from xlnas_jax.data.batches.buckets import Places
from xlnas_jax.data.pairs import PairBatches
from xlnas_jax.devices.sharding import shard_steps
from xlnas_jax.evaluation.dealing import Work
from xlnas_jax.evaluation.evaluate import make_row_measure
from xlnas_jax.evaluation.pooled import flat_rows, rows_at
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.heads import Pooled, pool
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import Supernet
from xlnas_jax.types import Architecture, Batch

# `(params, indices, num) -> similarity` to the source, of each auxiliary language.
Align = Callable[
    [SupernetParams, Int[np.ndarray, "pop site"], int], Float[Array, "pop lang"]
]


def make_align(
    supernet: Supernet,
    space: SearchSpace,
    similarity: Similarity,
    pairs: PairBatches,
    width: int,
    form: str = "sliced",
    chunk: int = 8,
    mesh: Mesh | None = None,
    work: Work | None = None,
) -> Align:
    """Builds the similarities of the first `num` candidates; other rows are 0.

    Args:
        width: of a sentence's vector.
        form: and what follows it: see `evaluate.make_evaluator`.
    """

    def keep(vectors: Pooled, batch: Batch) -> Pooled:
        return vectors * batch.weight[:, None]

    giving = with_sentence_vectors(supernet)
    encode = make_row_measure(giving, space, keep, width, form, chunk, mesh, work)
    batches = pairs.batches if mesh is None else shard_steps(mesh, pairs.batches)

    def compare_sound(ours: Pooled, theirs: Pooled) -> Float[Array, ""]:
        # Retrieval and ranks are finite of any vectors, those of NaN included.
        is_sound = jnp.isfinite(ours).all() & jnp.isfinite(theirs).all()
        return jnp.where(is_sound, similarity(ours, theirs), jnp.nan)

    @jax.jit
    def compare(found: tuple[Array, ...], num: Array) -> Float[Array, "pop lang"]:
        both = zip(pairs.sources, pairs.targets, strict=True)
        columns = [
            jax.vmap(compare_sound)(_at(found, ours), _at(found, theirs))
            for ours, theirs in both
        ]
        is_meant = jnp.arange(len(columns[0]), dtype=jnp.int32) < num
        # Of vectors that are all zero some similarities are nearly 0, and not quite.
        return jnp.where(is_meant[:, None], jnp.stack(columns, axis=-1), 0.0)

    def align(params: SupernetParams, indices, num: int) -> Float[Array, "pop lang"]:
        return compare(encode(params, indices, num, batches), np.int32(num))

    return align


def with_sentence_vectors(supernet: Supernet) -> Supernet:
    """The same network, which gives sentence vectors in place of logits."""

    def read(
        params: SupernetParams, x: Hidden, batch: Batch, arch: Architecture
    ) -> Pooled:
        return pool(x, batch.mask, params.head, "mean")

    def apply(
        params: SupernetParams, x: Hidden, batch: Batch, arch: Architecture
    ) -> Pooled:
        return read(params, supernet.encode(params, x, batch, arch), batch, arch)

    return supernet._replace(read_out=read, apply=apply)


def _at(found: tuple[Array, ...], places: Places) -> Float[Array, "pop pair model"]:
    """Vectors of some sentences, from those of every row of each bucket."""
    return flat_rows(found)[:, rows_at(found, places)]
