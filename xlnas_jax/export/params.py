"""The weights of one exported network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import struct

from xlnas_jax.space.cost import HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.storage.stored import Stored
from xlnas_jax.storage.trees import load_tree
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder, make_normal
from xlnas_jax.supernet.params import (
    EmbeddingParams,
    HeadParams,
    LayerParams,
    Norm,
    on_device,
)
from xlnas_jax.supernet.stages.pooling import is_weighted
from xlnas_jax.supernet.stages.registry import stages_with
from xlnas_jax.supernet.units import blank, cut_stage, put
from xlnas_jax.types import CheckpointError, brief

# Values of the knobs of one kept layer, by name: hashable, so that it can be static.
LayerSize = tuple[tuple[str, int], ...]


def to_size(values: Mapping[str, int]) -> LayerSize:
    """Values in the order in which their stages run."""
    names = [name for stage in stages_with(values) for name in stage.knobs]
    return tuple((name, values[name]) for name in names)


@struct.dataclass
class SubnetParams:
    """Weights of one architecture alone.

    Attributes:
        layers: the kept layers in order, each at its own size, so not stacked.
        head: holds attentive pooling only where that pooling was chosen.
        sizes: of every layer.
        final_norm: as of `EncoderParams`.
    """

    embeddings: EmbeddingParams
    layers: tuple[LayerParams, ...]
    head: HeadParams
    sizes: tuple[LayerSize, ...] = struct.field(pytree_node=False)
    final_norm: Norm | None = None


def count_params(tree: Any) -> int:
    """Numbers held by a tree of arrays."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def abstract_params(
    shape: EncoderShape, sizes: Sequence[LayerSize], head: HeadSize, pooling: str
) -> SubnetParams:
    """Shapes and dtypes of a network's weights, without allocating any."""

    def build() -> SubnetParams:
        normal = make_normal(None)
        encoder = init_encoder(None, shape)
        first = jax.tree.map(lambda leaf: leaf[0], encoder.layers)

        def layer(size: LayerSize) -> LayerParams:
            values = dict(size)
            made = blank(first)
            for stage in stages_with(values):
                new = stage.init(normal, shape, values)
                new |= stage.init_new(normal, shape, values)
                own = jax.tree.map(lambda leaf: leaf[0], new)
                made = cut_stage(put(made, own), stage, values)
            return made

        return SubnetParams(
            embeddings=encoder.embeddings,
            layers=tuple(layer(size) for size in sizes),
            head=init_head(
                None,
                shape,
                head.num_outputs,
                is_weighted(pooling),
                head.reads_tokens,
                head.num_languages,
                head.gives_vectors,
            ),
            sizes=tuple(sizes),
            final_norm=encoder.final_norm,
        )

    return jax.eval_shape(build)


def read_params(folder: Path, expected: SubnetParams) -> SubnetParams:
    """Weights in float32 from a saved tree of field names and layer numbers.

    Raises:
        CheckpointError: an array is missing, of another shape or dtype, or too many;
            a weight is not finite.
    """
    wanted = _by_name(expected)
    tree = load_tree(folder, lambda stored: _require_fit(folder, stored, wanted))
    found = _by_name(tree)
    for name, leaf in found.items():
        if not np.isfinite(leaf).all():
            raise CheckpointError(
                f"{folder}: every weight must be a finite number; got "
                f"{int((~np.isfinite(leaf)).sum()):,} in {name} that are none. Export "
                f"the model again."
            )
    # Whatever they were written in, they are computed with in float32.
    leaves = [on_device(found[name].astype(np.float32)) for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(expected), leaves)


def _require_fit(
    folder: Path, stored: Mapping[str, Stored], wanted: Mapping[str, Any]
) -> None:
    """An error unless the arrays are those of the network, before any is read."""
    for name, leaf in wanted.items():
        one = stored.get(name)
        if one is None or one.shape != leaf.shape:
            got = "none" if one is None else f"shape {one.shape}"
            raise CheckpointError(
                f"{folder}: array {name} must have shape {leaf.shape}, as "
                f"config.json says; got {got}. Export the model again."
            )
        if one.dtype != leaf.dtype or one.is_compressed:
            got = f"{'compressed ' if one.is_compressed else ''}{one.dtype}"
            raise CheckpointError(
                f"{folder}: array {name} must be plain {leaf.dtype}; got {got}. Export "
                f"the model again."
            )
    extra = sorted(stored.keys() - wanted.keys())
    if extra:
        raise CheckpointError(
            f"{folder}: must hold the arrays of config.json's network alone; got "
            f"{', '.join(map(brief, extra[:3]))} too. Export the model again."
        )


def _by_name(tree: Any) -> dict[str, Any]:
    """Leaves by the names of the fields, keys and positions that lead to them."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in paths
    }
