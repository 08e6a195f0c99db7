"""What attention may have beside its heads, against what it is by definition."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, tiny_params
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.stages import lora, prefix
from xlnas_jax.supernet.stages.registry import in_words, stages_with
from xlnas_jax.types import ConfigError

TOLERANCE = 1e-5
RANK, LENGTH = 3, 5


@pytest.fixture(scope="module")
def given():
    """A layer with both parts, all of whose weights are random, and what it reads."""
    rng = np.random.default_rng(0)

    def random(*sizes: int):
        return jnp.asarray(rng.normal(0, 0.5, sizes).astype(np.float32))

    heads, size = SHAPE.num_heads, SHAPE.head_dim
    layer = first(tiny_params().encoder.layers)
    more = {
        field: lora.LowRank(random(SHAPE.width, RANK), random(RANK, heads, size))
        for field in lora.FIELDS.values()
    }
    own = random(LENGTH, heads, size), random(LENGTH, heads, size), random(heads)
    more[prefix.FIELD] = prefix.PrefixParams(*own)
    x = random(2, 9, SHAPE.width)
    mask = jnp.asarray(np.arange(9)[None] < np.asarray([[9], [4]]))
    return dataclasses.replace(layer, more=more), x, mask


def first(tree):
    """What stands first in each array, cut on the host."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), tree)


def run(layer, x, mask, **values: int):
    """The stage that has knobs of these names."""
    stage = stages_with({"heads", "ffn", *values})[0]
    how = Run(values={"heads": SHAPE.num_heads, **values})
    whole = jax.jit(lambda *given: stage.run(*given, SHAPE, how))
    return np.asarray(whole(x, layer, mask))


def only(layer, *fields: str):
    more = {name: one for name, one in layer.more.items() if name in fields}
    return dataclasses.replace(layer, more=more)


def test_an_update_is_what_it_adds_to_the_kernels(given) -> None:
    layer, x, mask = given
    layer = only(layer, *lora.FIELDS.values())
    kernels = {}
    for name, field in lora.FIELDS.items():
        own, dense = layer.more[field], getattr(layer, name)
        added = np.einsum("mr,rhd->mhd", own.down, own.up)
        kernels[name] = dataclasses.replace(dense, kernel=dense.kernel + added)
    plain = dataclasses.replace(layer, more={}, **kernels)
    expected = run(plain, x, mask)
    found = run(layer, x, mask, lora=RANK)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    np.testing.assert_allclose(run(lora.merged(layer), x, mask), expected, atol=1e-6)
    assert np.abs(expected - run(only(layer), x, mask)).max() > 0.01


def test_a_prefix_is_attended_to_under_its_gate(given) -> None:
    layer, x, mask = given
    layer, own = only(layer, prefix.FIELD), layer.more[prefix.FIELD]
    query = np.einsum("bsm,mhd->bhsd", x, layer.query.kernel)
    query = query + np.asarray(layer.query.bias)[None, :, None]
    scores = np.einsum("bhsd,phd->bhsp", query, own.key) * SHAPE.head_dim**-0.5
    weights = np.asarray(jax.nn.softmax(scores, axis=-1))
    context = np.einsum("bhsp,phd->bhsd", weights, own.value)
    context = context * np.tanh(own.gate)[None, :, None, None]
    found = jax.jit(lambda query: prefix.added(query, layer, {}))(jnp.asarray(query))
    np.testing.assert_allclose(np.asarray(found), context, atol=TOLERANCE)
    there, gone = run(layer, x, mask, prefix=LENGTH), run(only(layer), x, mask)
    assert np.abs(there - gone).max() > 0.01


def test_new_ones_add_nothing_and_still_learn(given) -> None:
    layer, x, mask = given
    rng = np.random.default_rng(1)

    def normal(*sizes: int):
        return jnp.asarray(rng.normal(0, 0.02, sizes).astype(np.float32))

    shape = dataclasses.replace(SHAPE, num_layers=1)
    values = {"lora": RANK, "prefix": LENGTH}
    stage = stages_with({"heads", "ffn", *values})[0]
    made = stage.init_new(normal, shape, {"heads": SHAPE.num_heads, **values})
    more = first(made)
    new = dataclasses.replace(layer, more=more)
    expected = run(only(layer), x, mask)
    np.testing.assert_allclose(run(new, x, mask, **values), expected, atol=1e-6)

    def total(more):
        how = Run(values={"heads": SHAPE.num_heads, **values})
        changed = dataclasses.replace(layer, more=more)
        return (stage.run(x, changed, mask, SHAPE, how) * x).sum()

    grads = jax.jit(jax.grad(total))(more)
    for field in lora.FIELDS.values():
        assert np.abs(grads[field].up).max() > 0
    assert np.abs(grads[prefix.FIELD].gate).max() > 0


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_choices_that_do_not_rise_are_refused(name) -> None:
    with pytest.raises(ConfigError, match=f"space.{name}: choices must rise"):
        make_space(SpaceConfig(**{name: (4, 2)}), SHAPE)


@pytest.mark.parametrize("name", ["lora", "prefix"])
def test_none_at_all_is_no_knob(name) -> None:
    knobs = [knob.name for knob in make_space(SpaceConfig(**{name: (0,)}), SHAPE).knobs]
    assert name not in knobs


def test_a_layer_is_told_with_its_parts() -> None:
    said = in_words({"heads": 4, "lora": 8, "prefix": 16, "ffn": 32})
    assert said == "4 heads, LoRA of rank 8, 16 prefix tokens, 32 inner neurons"
