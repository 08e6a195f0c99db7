"""Which weights are trained, and how fast, by their place in the network.

What changes little across languages may be left as it was pretrained: the lower layers
(`train.frozen_layers`), or all that pretraining knows (`train.tunes`). What is trained
may join in from the top downwards (`train.unfreeze_steps`), and more slowly the lower
it is (`train.layer_decay`). The head always learns at its own rate.

References:
    Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification",
    2018, who unfreeze gradually. https://arxiv.org/abs/1801.06146
    Clark et al., "ELECTRA", 2020, whose layer-wise rates these are.
    https://arxiv.org/abs/2003.10555
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from xlnas_jax.config.ranges import LARGEST
from xlnas_jax.config.train import TrainConfig

TRAIN, FREEZE = "train", "freeze"
# Weights of a layer that no pretrained encoder has: the field of `LayerParams`.
NEW = "more"


class Places(NamedTuple):
    """Where the layers of some weights are in the full network.

    Attributes:
        numbers: of each, counted from below.
        total: layers of the full network.
    """

    numbers: tuple[int, ...]
    total: int


class Placed(NamedTuple):
    """State of an optimizer whose rates go by place: its own, and steps done."""

    inner: optax.OptState
    step: Int[Array, ""]


def places_of(params: Any) -> Places:
    """Those of a network with all of its layers, stacked or apart."""
    layers = params.encoder.layers
    if isinstance(layers, tuple):
        return Places(tuple(range(len(layers))), len(layers))
    total = len(jax.tree.leaves(layers)[0])
    return Places(tuple(range(total)), total)


def labels_of(config: TrainConfig, params: Any, places: Places) -> Any:
    """`train`, or `freeze` where nothing of a weight is ever trained.

    Of stacked layers some of which are frozen a weight is one with both (`by_place`).
    """

    def label(path: tuple, number: int) -> str:
        is_new = jax.tree_util.keystr(path[:1], simple=True) == NEW
        wanted = {"all": True, "adapters": is_new, "head": False}[config.tunes]
        return TRAIN if wanted and number >= config.frozen_layers else FREEZE

    def of_layer(layer: Any, number: int) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: label(path, number), layer
        )

    encoder = params.encoder
    if isinstance(encoder.layers, tuple):
        pairs = zip(encoder.layers, places.numbers, strict=True)
        layers: Any = tuple(of_layer(*pair) for pair in pairs)
    else:
        layers = of_layer(encoder.layers, places.total - 1)
    word = TRAIN if config.trains_embeddings else FREEZE
    embeddings = jax.tree.map(lambda _: word, encoder.embeddings)
    # Behind all layers, as the head is; and pretrained.
    last = TRAIN if config.tunes == "all" else FREEZE
    labels = jax.tree.map(lambda _: TRAIN, params)
    encoder = dataclasses.replace(
        encoder,
        embeddings=embeddings,
        layers=layers,
        final_norm=jax.tree.map(lambda _: last, encoder.final_norm),
    )
    return dataclasses.replace(labels, encoder=encoder)


def by_place(
    optimizer: optax.GradientTransformation,
    config: TrainConfig,
    params: Any,
    places: Places,
) -> optax.GradientTransformation:
    """The same with the whole update, decay included, scaled by place.

    Layer l of L, counted from 1, is scaled by `layer_decay ** (L - l)`, embeddings as
    a layer 0 would be. Moments are kept of layers that wait to join in, so that they
    begin with steps of the size of all others. Gradients of layers that never join in
    count for nothing, the norm that is clipped included.
    """
    is_stacked = not isinstance(params.encoder.layers, tuple)
    has_frozen = is_stacked and 0 < config.frozen_layers < places.total
    is_even = config.layer_decay == 1.0 and not config.unfreeze_steps
    if is_even and not has_frozen:
        return optimizer
    numbers = np.asarray(places.numbers, np.int32)
    is_ever = np.asarray(numbers >= config.frozen_layers, np.float32)
    # How many layers each has above it; embeddings have them all.
    above = np.append(places.total - 1 - numbers, places.total)
    waits = np.minimum(above.astype(np.int64) * config.unfreeze_steps, LARGEST)
    rates = np.append(is_ever, 1.0) * config.layer_decay ** above.astype(float)

    def init(params: Any) -> Placed:
        return Placed(optimizer.init(params), jnp.zeros((), jnp.int32))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Placed]:
        if has_frozen:
            own = _scaled(updates.encoder.layers, jnp.asarray(is_ever))
            updates = _replaced(updates, layers=own)
        found: Any
        found, inner = optimizer.update(updates, state.inner, params)
        has_begun = state.step >= jnp.asarray(waits, jnp.int32)
        own = jnp.where(has_begun, jnp.asarray(rates, jnp.float32), 0.0)
        changed = {"layers": _scaled(found.encoder.layers, own[:-1])}
        # A plain zero, where they are not trained: it costs nothing as long as it is.
        if config.trains_embeddings:
            tables = found.encoder.embeddings
            changed["embeddings"] = jax.tree.map(lambda x: _times(x, own[-1]), tables)
        return _replaced(found, **changed), Placed(inner, state.step + 1)

    return optax.GradientTransformation(init, update)


def with_shares(
    optimizer: optax.GradientTransformation, shares: Float[Array, " layer"]
) -> optax.GradientTransformation:
    """The same, of whose updates every layer takes a share, which may be traced.

    The whole update is scaled, decay included, and moments are those of whole updates.
    A layer that takes nothing is as if it were not trained: its gradients count for
    nothing, the norm that is clipped included.

    Args:
        shares: of the layers that there are, stacked or apart.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        is_trained = jnp.where(shares > 0, 1.0, 0.0)
        updates = _replaced(updates, layers=_scaled(updates.encoder.layers, is_trained))
        found: Any
        found, state = optimizer.update(updates, state, params)
        return _replaced(found, layers=_scaled(found.encoder.layers, shares)), state

    return optax.GradientTransformation(optimizer.init, update)


def _scaled(layers: Any, rates: Float[Array, " layer"]) -> Any:
    """Layers, stacked or apart, each times its rate."""
    if isinstance(layers, tuple):
        return tuple(
            jax.tree.map(lambda leaf, at=at: _times(leaf, rates[at]), layer)
            for at, layer in enumerate(layers)
        )
    return jax.tree.map(
        lambda leaf: _times(leaf, rates.reshape(-1, *[1] * (leaf.ndim - 1))), layers
    )


def _times(leaf: Float[Array, "..."], rate: Float[Array, "..."]) -> Float[Array, "..."]:
    """Nothing at a rate of 0, whatever there is."""
    return jnp.where(rate > 0, leaf * rate, jnp.zeros_like(leaf))


def _replaced(tree: Any, **changed: Any) -> Any:
    """Weights of a network with other layers or embeddings."""
    encoder = dataclasses.replace(tree.encoder, **changed)
    return dataclasses.replace(tree, encoder=encoder)
