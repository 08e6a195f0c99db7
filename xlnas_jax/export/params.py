"""The weights of one exported network."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from xlnas_jax.space.cost import HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.layers import slice_layer
from xlnas_jax.supernet.params import EmbeddingParams, HeadParams, LayerParams
from xlnas_jax.types import CheckpointError


class LayerSize(NamedTuple):
    """Attention heads and inner neurons of one kept layer."""

    heads: int
    ffn: int


@struct.dataclass
class SubnetParams:
    """Weights of one architecture alone.

    Attributes:
        layers: the kept layers in order, each at its own size, so not stacked.
        head: holds attentive pooling only where that pooling was chosen.
    """

    embeddings: EmbeddingParams
    layers: tuple[LayerParams, ...]
    head: HeadParams

    @property
    def sizes(self) -> tuple[LayerSize, ...]:
        """Size of every layer, read from its biases."""
        return tuple(
            LayerSize(layer.query.bias.shape[0], layer.up.bias.shape[0])
            for layer in self.layers
        )


def count_params(tree: Any) -> int:
    """Numbers held by a tree of arrays."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def abstract_params(
    shape: EncoderShape, sizes: Sequence[LayerSize], head: HeadSize, pooling: str
) -> SubnetParams:
    """Shapes and dtypes of a network's weights, without allocating any."""

    def build() -> SubnetParams:
        encoder = init_encoder(None, shape)
        first = jax.tree.map(lambda leaf: leaf[0], encoder.layers)
        return SubnetParams(
            embeddings=encoder.embeddings,
            layers=tuple(slice_layer(first, *size) for size in sizes),
            head=init_head(
                None,
                shape,
                head.num_outputs,
                pooling == "attentive",
                head.reads_tokens,
                head.num_languages,
            ),
        )

    return jax.eval_shape(build)


def params_from_tree(
    tree: Mapping[str, Any], expected: SubnetParams, where: str
) -> SubnetParams:
    """Weights from nested dictionaries by field name and layer number.

    Raises:
        CheckpointError: an array is missing, of another shape, or too many.
    """
    found = _by_name(tree)
    leaves = []
    for name, wanted in _by_name(expected).items():
        leaf = found.pop(name, None)
        if leaf is None or leaf.shape != wanted.shape:
            got = "none" if leaf is None else f"shape {leaf.shape}"
            raise CheckpointError(
                f"{where}: array {name} must have shape {wanted.shape}, as "
                f"config.json says; got {got}. Export the model again."
            )
        leaves.append(jnp.asarray(leaf))
    if found:
        raise CheckpointError(
            f"{where}: must hold the arrays of config.json's network alone; got "
            f"{', '.join(sorted(found)[:3])} too. Export the model again."
        )
    return jax.tree.unflatten(jax.tree.structure(expected), leaves)


def _by_name(tree: Any) -> dict[str, Any]:
    """Leaves by the names of the fields, keys and positions that lead to them."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in paths
    }
