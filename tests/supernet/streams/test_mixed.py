"""What a text takes of its translation in a mixed layer, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from scipy import stats

from tests.models import SHAPE, tiny_params
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.streams.mixed import Mix, mean_entropy, mixed, share_of

F = torch.nn.functional
ONE, NONE = jnp.ones(()), jnp.zeros(())


def test_a_share_begins_between_a_quarter_and_a_half_and_rises_with_entropy() -> None:
    shares = share_of(jnp.asarray([0.0, 2.0, 4.0]), Mix(ONE, NONE))
    np.testing.assert_allclose(shares, [0.25, 0.44, 0.49], atol=5e-3)
    turned = share_of(jnp.asarray([0.0, 2.0, 4.0]), Mix(-ONE, NONE))
    np.testing.assert_allclose(shares + turned, 0.5, atol=1e-6)
    np.testing.assert_allclose(share_of(jnp.ones(2), Mix(ONE, ONE, most=0.0)), 0.0)


# Of four queries over four keys; the sums of their exponentials are 2.3 and 7.
CHANCES = np.asarray([0.49, 0.21, 0.2, 0.1])
SCORES = np.log(CHANCES)[None] + np.log(np.asarray([2.3, 7.0, 2.3, 7.0]))[:, None]


def padded(pads: int) -> tuple[jax.Array, jax.Array]:
    """Scores and mask of keys with so much padding, whose scores are arbitrary."""
    noise = np.random.default_rng(pads).normal(size=(4, pads))
    scores = np.concatenate([SCORES, noise], 1)[None, None]
    mask = np.arange(4 + pads)[None] < 4
    return jnp.asarray(scores, jnp.float32), jnp.asarray(mask)


@pytest.mark.parametrize(("pads", "drifted"), [(0, 1.23), (32, 3.44), (96, 4.45)])
def test_released_entropy_grows_with_padding_and_the_true_one_stays(
    pads: int, drifted: float
) -> None:
    scores, mask = padded(pads)
    queries = jnp.ones((1, 4), bool)
    true, released = (
        float(mean_entropy(scores, queries, mask, kind)[0])
        for kind in ("true", "released")
    )
    assert true == pytest.approx(stats.entropy(CHANCES), abs=1e-5)
    assert true == pytest.approx(1.23, abs=5e-3)
    assert released == pytest.approx(drifted, abs=5e-3)


def test_queries_of_padding_count_in_the_released_mean_alone() -> None:
    scores, mask = padded(0)
    uniform = jnp.concatenate([scores, jnp.zeros_like(scores)], 2)
    queries = (jnp.arange(8) < 4)[None]
    true, released = (
        float(mean_entropy(uniform, queries, mask, kind)[0])
        for kind in ("true", "released")
    )
    assert true == pytest.approx(stats.entropy(CHANCES), abs=1e-5)
    both = (stats.entropy(CHANCES) + np.log(4)) / 2
    assert released == pytest.approx(both, abs=1e-5)


@pytest.fixture(scope="module")
def layer() -> LayerParams:
    return jax.tree.map(lambda leaf: leaf[1], tiny_params().encoder.layers)


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Two texts of each of three rows, and what is no padding."""
    rng = np.random.default_rng(1)
    lengths = np.asarray([5, 2, 7, 4, 6, 3])
    x = rng.normal(size=(6, 7, SHAPE.width)).astype(np.float32)
    return x, np.arange(7)[None] < lengths[:, None]


def torched(leaf: jax.Array) -> torch.Tensor:
    return torch.tensor(np.asarray(leaf, np.float64))


def projected(x: torch.Tensor, dense) -> torch.Tensor:
    kernel, bias = torched(dense.kernel), torched(dense.bias)
    return torch.einsum("bsm,mhd->bhsd", x, kernel) + bias[None, :, None]


def test_what_is_taken_is_attention_over_the_other_text_by_the_same_weights(
    layer: LayerParams,
) -> None:
    """Equations (3) and (4), in PyTorch, from its own attention and norm."""
    x, mask = inputs()
    mix = Mix(jnp.asarray(0.7), jnp.asarray(-0.2), 0.5)
    found = jax.jit(lambda x: mixed(x, layer, jnp.asarray(mask), SHAPE, mix))(x)
    source, target = torched(x[:3]), torched(x[3:])
    of_source, of_target = torch.tensor(mask[:3]), torch.tensor(mask[3:])
    query, key = projected(target, layer.query), projected(source, layer.key)
    value = projected(source, layer.value)
    context = F.scaled_dot_product_attention(
        query, key, value, of_source[:, None, None]
    )
    taken = torch.einsum("bhsd,hdm->bsm", context, torched(layer.output.kernel))
    taken = taken + torched(layer.output.bias)
    scores = (query @ key.mT / SHAPE.head_dim**0.5).numpy()
    share = []
    for row in range(3):
        ours, theirs = mask[3 + row].sum(), mask[row].sum()
        own = scores[row, :, :ours, :theirs]
        total = sum(
            stats.entropy(np.exp(s), axis=-1).mean() for s in (own, own.swapaxes(1, 2))
        )
        share.append(0.5 / (1 + np.exp(-(0.7 * total - 0.2))))
    share = torch.tensor(np.asarray(share))[:, None, None]
    expected = F.layer_norm(
        share * taken + (1 - share) * target,
        (SHAPE.width,),
        torched(layer.attention_norm.scale),
        torched(layer.attention_norm.bias),
        SHAPE.norm_epsilon,
    )
    np.testing.assert_allclose(found[:3], x[:3], atol=0)  # goes on unmixed
    real = of_target.numpy()
    np.testing.assert_allclose(
        np.asarray(found[3:])[real], expected.numpy()[real], atol=2e-5
    )


def test_without_a_share_the_norm_is_applied_twice_unless_it_is_left_out(
    layer: LayerParams,
) -> None:
    x, mask = inputs()

    def target(renorm: bool) -> np.ndarray:
        mix = Mix(ONE, NONE, 0.0, renorm)
        return np.asarray(mixed(jnp.asarray(x), layer, jnp.asarray(mask), SHAPE, mix))

    np.testing.assert_allclose(target(False), x, atol=1e-6)
    norm = layer.attention_norm
    again = F.layer_norm(
        torch.tensor(x[3:]),
        (SHAPE.width,),
        torched(norm.scale).float(),
        torched(norm.bias).float(),
        SHAPE.norm_epsilon,
    )
    np.testing.assert_allclose(target(True)[3:], again.numpy(), atol=1e-5)
    assert np.abs(target(True)[3:] - x[3:]).max() > 0.1
