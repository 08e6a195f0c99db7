"""A band computed in blocks is the band computed whole, for less work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, tiny_params
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.stages.windowed import STAGE, band, is_banded, num_pairs
from xlnas_jax.types import ConfigError

# fp32 sums in another order; vectors of length one.
TOLERANCE = 1e-5
# A token alone, a last block that is not full, and no blocks at all.
MORE = ((20, 1), (21, 4), (12, 5))


@pytest.fixture(scope="module")
def layer():
    return jax.tree.map(lambda leaf: leaf[0], tiny_params().encoder.layers)


def by_hand(x, layer, mask, window: int):
    """Softmax over the pairs that see each other, one query at a time."""
    query, key, value = (
        np.einsum("bsm,mhd->bshd", x, dense.kernel) + np.asarray(dense.bias)
        for dense in (layer.query, layer.key, layer.value)
    )
    context = np.zeros_like(value)
    for b, s in np.ndindex(x.shape[:2]):
        place = np.arange(x.shape[1])
        seen = (np.abs(place - s) <= window) | (place == 0) | (s == 0)
        seen &= mask[b]
        for h in range(value.shape[2]):
            scores = key[b, seen, h] @ query[b, s, h] * query.shape[-1] ** -0.5
            weights = np.exp(scores - scores.max())
            context[b, s, h] = weights @ value[b, seen, h] / weights.sum()
    output = np.einsum("bshd,hdm->bsm", context, layer.output.kernel)
    total = x + output + np.asarray(layer.output.bias)
    normal = total - total.mean(-1, keepdims=True)
    normal /= np.sqrt(normal.var(-1, keepdims=True) + SHAPE.norm_epsilon)
    norm = layer.attention_norm
    return normal * np.asarray(norm.scale) + np.asarray(norm.bias)


@pytest.mark.parametrize(
    ("length", "window"),
    [(20, 3), *(pytest.param(*one, marks=pytest.mark.slow) for one in MORE)],
)
def test_each_token_sees_its_neighbours_and_the_first(layer, length, window) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, length, SHAPE.width)).astype(np.float32)
    mask = np.arange(length)[None] < np.asarray([[length], [window + 1], [1]])
    how = Run(values={"heads": 4, "window": window})
    found = STAGE.run(jnp.asarray(x), layer, jnp.asarray(mask), SHAPE, how)
    expected = by_hand(x, layer, mask, window)
    np.testing.assert_allclose(np.asarray(found)[mask], expected[mask], atol=TOLERANCE)
    assert np.isfinite(np.asarray(found)).all()


@pytest.mark.slow
def test_blocks_have_the_gradient_of_the_whole_band(layer) -> None:
    x = jax.random.normal(jax.random.key(0), (2, 20, SHAPE.width))
    mask = jnp.arange(20)[None] < jnp.asarray([[20], [13]])
    weights = jnp.asarray([1.0, 0.0])
    ways = (
        Run(values={"heads": 4, "window": 3}),
        Run(masks={"window": weights}, choices={"window": (3, 24)}),
    )

    def slope(how: Run):
        def loss(x, layer):
            y = STAGE.run(x, layer, mask, SHAPE, how)
            return jnp.where(mask[..., None], jnp.sin(y), 0).sum()

        return jax.grad(loss, argnums=(0, 1))(x, layer)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), *map(slope, ways)
    )


def test_blocks_are_used_where_they_are_fewer_pairs_than_all() -> None:
    assert is_banded(128, 8)
    assert not is_banded(20, 8)
    assert num_pairs(128, np.asarray([8, 128])).tolist() == [128 * 26, 128 * 128]
    assert int(band(20, 3).sum()) <= num_pairs(20, np.asarray([3]))[0]
    counts = num_pairs(128, np.arange(1, 129))
    assert (np.diff(counts) >= 0).all()


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((4, 8), "space.window: the last choice must see all of the 24 tokens"),
        ((8, 4, 24), "space.window: choices must rise"),
        ((0, 24), "space.window: choices must rise, differ and be at least 1"),
    ],
)
def test_windows_that_lack_the_full_network_are_refused(window, message) -> None:
    with pytest.raises(ConfigError, match=message):
        make_space(SpaceConfig(window=window), SHAPE)
