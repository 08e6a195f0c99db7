import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from tests.doubles import as_doubles, in_doubles, slope
from tests.models import NUM_LABELS, SHAPE, random_batch, tiny_params, tiny_space
from xlnas_jax.controllers.base import choice_mask
from xlnas_jax.supernet.relaxed import make_relaxed, straight_through
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification

SPACE = tiny_space()
MASK = choice_mask(SPACE.num_choices)
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
BATCH = random_batch(0, 6, 12)
NUM_SITES, NUM_CHOICES = MASK.shape
# A skipped layer is what the weight of a kept one leaves over: it has none of its own.
HAS_GRADIENT = np.array(MASK)
HAS_GRADIENT[SPACE.columns("keep"), 0] = False
# fp32 sums in another order, relative to logits of order ten.
TOLERANCE = 1e-5
# In float64: the difference quotient's own error.
FINITE_DIFFERENCE = 1e-6


@pytest.fixture(scope="module")
def params():
    return tiny_params()


def one_hot(rows):
    return jax.nn.one_hot(rows, NUM_CHOICES, dtype=jnp.float32)


def some_mixture(seed: int = 0):
    logits = np.random.default_rng(seed).standard_normal(MASK.shape)
    weights = special.softmax(np.where(MASK, logits, -1e9), axis=-1)
    return jnp.asarray(weights.astype(np.float32))


def make_loss(form: str):
    apply = make_relaxed(SPACE, SHAPE, form)

    def loss(weights, params, batch, chosen):
        logits = apply(params, batch, weights, chosen)
        return TASK.loss(logits, batch).total.sum()

    return loss


@pytest.mark.parametrize("form", ["masked", "sliced"])
def test_one_hot_weights_give_the_architecture_itself(params, form, record):
    supernet = make_supernet(SPACE, SHAPE, "sliced")
    relaxed = make_relaxed(SPACE, SHAPE, form)
    rows = SPACE.flatten(SPACE.sample(jax.random.key(0), 60))

    @jax.jit
    def both(rows):
        x = supernet.embed(params.encoder.embeddings, BATCH)

        def single(row):
            exact = supernet.apply(params, x, BATCH, SPACE.unflatten(row))
            return exact, relaxed(params, BATCH, one_hot(row), row)

        return jax.lax.map(single, rows)

    exact, found = both(rows)
    difference = float(jnp.abs(exact - found).max() / jnp.abs(exact).max())
    record(f"relaxed {form} against the architecture", difference)
    assert difference < TOLERANCE
    assert float(np.ptp(exact, axis=0).max()) > 0.1


def test_a_mixture_of_sizes_is_one_layer_under_the_weighted_mask(params):
    """Half of 2 heads and half of 4 is heads 3 and 4 at half their context."""
    from xlnas_jax.supernet.stages.attention import attention
    from xlnas_jax.supernet.stages.feed_forward import feed_forward

    relaxed = make_relaxed(SPACE, SHAPE, "masked")
    weights = one_hot(SPACE.flatten(SPACE.largest()))
    heads = SPACE.columns("heads")
    weights = weights.at[heads].set(jnp.asarray([0.0, 0.5, 0.5, 0.0]))
    supernet = make_supernet(SPACE, SHAPE)
    x = supernet.embed(params.encoder.embeddings, BATCH)
    masks = {"heads": jnp.asarray([[1.0, 1.0, 0.5, 0.5]])}
    for number in range(SHAPE.num_layers):
        layer = jax.tree.map(lambda leaf, n=number: leaf[n], params.encoder.layers)
        x = attention(x, layer, BATCH.mask, SHAPE, masks)
        x = feed_forward(x, layer, SHAPE)
    expected = supernet.read_out(params, x, BATCH, SPACE.largest())

    found = jax.jit(relaxed)(params, BATCH, weights)

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_every_choice_of_a_mixture_has_its_exact_gradient(params):
    """Each entry against a central difference, in float64."""
    with in_doubles():
        loss = make_loss("masked")
        wide, batch, weights = as_doubles((params, BATCH, some_mixture()))
        value = jax.jit(lambda w: loss(w, wide, batch, None))
        found = np.asarray(jax.jit(jax.grad(value))(weights))
        places = np.argwhere(np.asarray(MASK))
        expected = np.zeros(MASK.shape)
        for site, choice in places:
            direction = jnp.zeros(MASK.shape).at[site, choice].set(1.0)
            expected[site, choice] = slope(value, weights, direction)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=FINITE_DIFFERENCE * scale)
    assert (np.abs(expected[HAS_GRADIENT]) > 1e-4 * scale).all()
    assert not found[~HAS_GRADIENT].any()


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))]
)
def test_sliced_gradients_are_masked_ones_as_far_as_the_path_runs(params, seed):
    """Sizes above the chosen one are as that one; a skipped layer has no gradient."""
    row = SPACE.flatten(SPACE.sample(jax.random.key(seed), 1))[0]
    row = row.at[SPACE.columns("keep")].set(jnp.asarray([1, 0, 1], jnp.int32))
    with in_doubles():
        wide, batch = as_doubles((params, BATCH))
        masked, sliced = (
            np.asarray(
                jax.jit(jax.grad(make_loss(form)))(one_hot(row), wide, batch, row)
            )
            for form in ("masked", "sliced")
        )
    expected = np.array(masked)
    for name in ("heads", "ffn"):
        for site in range(SPACE.columns(name).start, SPACE.columns(name).stop):
            top = np.minimum(np.arange(NUM_CHOICES), int(row[site]))
            expected[site] = np.where(MASK[site], masked[site, top], 0)
    for name in ("keep", "heads", "ffn"):
        expected[SPACE.columns(name).start + 1] = 0
    scale = np.abs(masked).max()
    np.testing.assert_allclose(sliced, expected, atol=1e-10 * scale)
    assert (np.abs(sliced).max(-1) > 1e-4 * scale).sum() == NUM_SITES - 3


def test_a_straight_through_sample_is_one_hot_to_the_bit_with_a_soft_gradient():
    soft = some_mixture(3)
    chosen = jnp.arange(NUM_SITES, dtype=jnp.int32) % jnp.asarray(SPACE.num_choices)
    weights, pull_back = jax.vjp(lambda p: straight_through(p, chosen), soft)
    drawn = np.random.default_rng(0).standard_normal(soft.shape, np.float32)
    slopes = jnp.asarray(drawn)
    np.testing.assert_array_equal(weights, one_hot(chosen))
    np.testing.assert_array_equal(pull_back(slopes)[0], slopes)


def test_hard_weights_have_gradients_in_all_choices_where_all_are_run(params):
    """Hard masks forward, soft masks backward: unchosen choices learn as well."""
    row = SPACE.flatten(SPACE.largest())

    def loss(soft):
        return make_loss("masked")(straight_through(soft, row), params, BATCH, None)

    found = np.asarray(jax.jit(jax.grad(loss))(some_mixture()))
    assert (found[HAS_GRADIENT] != 0).all()


@pytest.mark.parametrize("remat", [False, True])
def test_bfloat16_mixtures_stay_near_float32(params, remat):
    weights = some_mixture(1)
    wide, narrow = (
        jax.jit(make_relaxed(SPACE, SHAPE, "masked", precision, remat))(
            params, BATCH, weights
        )
        for precision in ("fp32", "bf16")
    )
    assert narrow.dtype == jnp.float32
    scale = float(jnp.abs(wide).max())
    # bf16 has 8 bits of mantissa; three layers with large weights add up.
    assert 1e-4 < float(jnp.abs(wide - narrow).max()) / scale < 0.1
