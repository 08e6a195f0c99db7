import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch, tiny_params, tiny_space
from tests.supernet.forms import TOLERANCE, logits_by
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Architecture, Batch

SPACE = tiny_space()


@pytest.fixture(scope="module")
def params():
    return tiny_params()


def logits_of(form: str, params, batch: Batch, rows, **options) -> np.ndarray:
    return logits_by(form, SPACE, SHAPE, params, batch, rows, **options)


def test_masked_forward_equals_sliced_forward_over_200_architectures(
    params, record_property
):
    rows = SPACE.flatten(SPACE.sample(jax.random.key(0), 200))
    batch = random_batch(0, 6, 16)
    sliced = logits_of("sliced", params, batch, rows)
    masked = logits_of("masked", params, batch, rows)
    difference = float(np.abs(sliced - masked).max() / np.abs(sliced).max())
    record_property("max_relative_difference", difference)
    print(f"masked against sliced, 200 architectures: {difference:.1e}")
    assert difference < TOLERANCE
    assert np.ptp(sliced, axis=0).max() > 0.1


def test_largest_architecture_equals_the_plain_encoder(params):
    supernet = make_supernet(SPACE, SHAPE)
    batch = random_batch(0, 6, 16)
    arch = SPACE.largest()
    x = supernet.embed(params.encoder.embeddings, batch)
    elastic = jax.jit(supernet.apply)(params, x, batch, arch)
    plain = jax.jit(supernet.apply_full)(params, x, batch, arch, None)
    np.testing.assert_allclose(elastic, plain, atol=1e-5)


@pytest.mark.parametrize("form", ["sliced", "masked"])
def test_padding_never_changes_logits(params, form):
    rows = SPACE.flatten(SPACE.sample(jax.random.key(1), 12))
    batch = random_batch(0, 6, 12)
    noise = random_batch(0, 6, 20, seed=9)
    # What stands beyond a sentence's length is noise, in both.
    longer = batch.replace(
        tokens=noise.tokens.at[:, :12].set(batch.tokens),
        segments=noise.segments.at[:, :12].set(batch.segments),
    )
    short = logits_of(form, params, batch, rows)
    long = logits_of(form, params, longer, rows)
    np.testing.assert_allclose(short, long, atol=2e-5)


def test_every_knob_changes_the_output(params):
    batch = random_batch(0, 4, 16)
    base = np.asarray(SPACE.flatten(SPACE.largest()))
    columns = range(len(base))
    rows = np.stack([base, *(base - np.eye(len(base), dtype=int)[c] for c in columns)])
    logits = logits_of("sliced", params, batch, jnp.asarray(rows, jnp.int32))
    changes = np.abs(logits[1:] - logits[0]).max(axis=(1, 2))
    assert (changes > 1e-3).all()


def test_choices_in_skipped_layers_change_nothing(params):
    batch = random_batch(0, 4, 16)
    rows = np.asarray(SPACE.flatten(SPACE.sample(jax.random.key(3), 30)))
    first = logits_of("sliced", params, batch, jnp.asarray(rows))
    again = logits_of("sliced", params, batch, jnp.asarray(SPACE.canonical(rows)))
    np.testing.assert_array_equal(first, again)


def test_compiled_equals_eager(params):
    supernet = make_supernet(SPACE, SHAPE)
    batch = random_batch(0, 3, 8)
    arch = SPACE.unflatten(SPACE.flatten(SPACE.sample(jax.random.key(4), 1))[0])

    def run(arch: Architecture):
        x = supernet.embed(params.encoder.embeddings, batch)
        return supernet.apply(params, x, batch, arch)

    np.testing.assert_allclose(jax.jit(run)(arch), run(arch), atol=1e-5)


def test_bfloat16_stays_near_float32_and_returns_float32(params):
    rows = SPACE.flatten(SPACE.sample(jax.random.key(5), 8))
    batch = random_batch(0, 4, 16)
    wide = logits_of("sliced", params, batch, rows)
    narrow = logits_of("sliced", params, batch, rows, precision="bf16")
    assert narrow.dtype == np.float32
    scale = np.abs(wide).max()
    difference = np.abs(wide - narrow).max() / scale
    # bf16 has 8 bits of mantissa; three layers with large weights add up.
    assert 1e-4 < difference < 0.1


@pytest.mark.parametrize("form", ["sliced", "masked"])
def test_weights_cast_beforehand_give_the_same_bits(params, form):
    rows = SPACE.flatten(SPACE.sample(jax.random.key(5), 4))
    batch = random_batch(0, 4, 16)
    supernet = make_supernet(SPACE, SHAPE, form, precision="bf16")
    cast = supernet.cast(params)
    assert cast.encoder.layers.up.kernel.dtype == jnp.bfloat16
    assert cast.encoder.layers.ffn_norm.scale.dtype == jnp.float32
    one = logits_of(form, params, batch, rows, precision="bf16")
    other = logits_of(form, cast, batch, rows, precision="bf16")
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "pooling", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))]
)
def test_gradients_are_finite_for_a_row_of_one_token(params, pooling):
    # Of few choices: each is a branch more to compile.
    few = SpaceConfig(
        heads=(1, 4), ffn=(8, 32), pooling=("cls", "mean", "max", "attentive")
    )
    space = make_space(few, SHAPE)
    supernet = make_supernet(space, SHAPE, remat_branches=True)
    batch = random_batch(0, 4, 8).replace(length=jnp.asarray([1, 8, 2, 1], jnp.int32))
    choices = {**space.largest().choices, "pooling": jnp.asarray([pooling], jnp.int32)}

    @jax.jit
    @jax.grad
    def gradient(params):
        x = supernet.embed(params.encoder.embeddings, batch)
        return supernet.apply(params, x, batch, Architecture(choices)).sum()

    for leaf in jax.tree.leaves(gradient(params)):
        assert jnp.isfinite(leaf).all()
