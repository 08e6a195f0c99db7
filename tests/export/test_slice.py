"""An exported network is the scored sub-network, and costs what was counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.export.conftest import OWN_HEADS
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.params import abstract_params, count_params, to_size
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import POOLINGS, EncoderShape
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Batch

# Two orders of the same float32 sums.
LOGITS_TOLERANCE = 1e-5
# XLA also counts softmax, GELU, LayerNorm and residual sums; the formula does not.
FLOPS_TOLERANCE = 0.05
# The formula is the widest moment of a plain execution. XLA fuses (less, up to a
# quarter where activations dominate) or keeps copies of weights (more).
MEMORY_BAND = (0.7, 1.1)


def make_batch(tiny, seq: int) -> Batch:
    rng = np.random.default_rng(seq)
    length = np.asarray([seq, 1, seq // 2 + 1, seq - 1], np.int32)
    return Batch(
        tokens=jnp.asarray(rng.integers(0, tiny.shape.vocab_size, (4, seq)), jnp.int32),
        segments=jnp.asarray(rng.integers(0, 2, (4, seq)), jnp.int32),
        length=jnp.asarray(length),
        label=jnp.zeros(4, jnp.int32),
        language=jnp.zeros(4, jnp.int32),
        weight=jnp.ones(4),
    )


def run(network, batch: Batch) -> np.ndarray:
    call = jax.jit(lambda *arrays: network(*arrays))
    return np.asarray(call(batch.tokens, batch.segments, batch.length))


@pytest.fixture(scope="module")
def exported_logits(tiny) -> np.ndarray:
    batch = make_batch(tiny, 12)
    return np.stack([run(tiny.subnet(row), batch) for row in tiny.rows[:6]])


@pytest.mark.parametrize("form", ["sliced", "masked"])
def test_exported_logits_equal_the_supernets(
    tiny, exported_logits, form, record_property
):
    supernet = make_supernet(tiny.space, tiny.shape, form)
    batch = make_batch(tiny, 12)

    @jax.jit
    def score(row):
        x = supernet.embed(tiny.params.encoder.embeddings, batch)
        return supernet.apply(tiny.params, x, batch, tiny.space.unflatten(row))

    wanted = np.stack([score(jnp.asarray(row)) for row in tiny.rows[:6]])

    difference = np.abs(exported_logits - wanted).max()
    record_property("max_abs_difference", float(difference))
    print(f"largest difference to the {form} supernet: {difference:.1e}")
    assert difference < LOGITS_TOLERANCE
    assert wanted.std(0).min() > 100 * LOGITS_TOLERANCE, "the networks must differ"


def test_padding_does_not_change_the_logits(tiny):
    short, network = make_batch(tiny, 9), tiny.subnet(tiny.rows[2])
    wide = short.replace(
        tokens=jnp.pad(short.tokens, ((0, 0), (0, 6)), constant_values=7),
        segments=jnp.pad(short.segments, ((0, 0), (0, 6)), constant_values=1),
    )

    np.testing.assert_allclose(
        run(network, wide), run(network, short), atol=LOGITS_TOLERANCE
    )


def test_exported_trees_hold_exactly_the_counted_parameters(tiny):
    cost = CostModel(tiny.space, tiny.shape, (HeadSize(3),), length=16)
    counted = cost(tiny.rows)

    exported = [slice_subnet(tiny.params, tiny.space, row) for row in tiny.rows]

    assert [count_params(p) for p in exported] == counted["params"].tolist()
    held = [count_params(p.layers) for p in exported]
    assert held == counted["encoder_params"].tolist()
    assert len({*held}) > 20


@pytest.mark.parametrize("own_heads", [(), OWN_HEADS])
@pytest.mark.parametrize("task", ["classification", "tagging", "qa"])
def test_networks_of_every_kind_hold_the_counted_parameters(tiny, task, own_heads):
    other = tiny.of(task, own_heads)
    rows = other.rows[:3]  # with other poolings than the attentive one
    cost = CostModel(other.space, other.shape, (other.head_size,), length=16)

    networks = [other.subnet(row) for row in rows]

    held = [count_params(network.weights) for network in networks]
    assert held == cost(rows)["params"].tolist()
    sizes, pooling = networks[0].weights.sizes, networks[0].pooling
    expected = abstract_params(other.shape, sizes, other.head_size, pooling)
    assert jax.tree.structure(expected) == jax.tree.structure(networks[0].weights)
    shapes = [
        [leaf.shape for leaf in jax.tree.leaves(tree)]
        for tree in (expected, networks[0].weights)
    ]
    assert shapes[0] == shapes[1]


def test_attentive_weights_leave_with_other_poolings(tiny):
    by_pooling = {
        name: slice_subnet(tiny.params, tiny.space, row)
        for name, row in zip(POOLINGS, tiny.rows, strict=False)
    }

    has_attentive = [name for name, p in by_pooling.items() if p.head.attentive]
    assert has_attentive == ["attentive"]


def test_kept_layers_are_prefixes_of_the_right_layers(tiny):
    values = {
        "keep": [1, 0, 1],
        "heads": [2, 4, 1],
        "ffn": [24, 48, 8],
        "pooling": ["mean"],
    }
    row = tiny.space.from_values(values)

    exported = slice_subnet(tiny.params, tiny.space, row)

    assert [dict(size) for size in exported.sizes] == [
        {"heads": 2, "ffn": 24},
        {"heads": 1, "ffn": 8},
    ]
    stacked = tiny.params.encoder.layers
    np.testing.assert_array_equal(
        exported.layers[1].query.kernel, stacked.query.kernel[2][:, :1]
    )
    np.testing.assert_array_equal(
        exported.layers[0].down.kernel, stacked.down.kernel[0][:24]
    )


@pytest.fixture(scope="module", params=[1, 16])
def compiled(request):
    """Architectures of a realistic width: batch size, counted costs, XLA's programs."""
    shape = EncoderShape(
        vocab_size=1000,
        width=384,
        num_layers=2,
        num_heads=12,
        head_dim=32,
        ffn=1536,
        max_positions=128,
        num_segments=2,
        position_offset=0,
        pad_id=0,
        norm_epsilon=1e-12,
    )
    config = SpaceConfig(heads=(3, 6, 12), ffn=(384, 768, 1536), pooling=POOLINGS)
    space = make_space(config, shape)
    size = request.param
    cost = CostModel(space, shape, (HeadSize(7),), length=64, batch_size=size)
    rows = np.array(space.flatten(space.sample_valid(jax.random.key(0), 5)))
    rows[:4, space.columns("pooling").start] = np.arange(4)
    rows[4] = np.asarray(space.flatten(space.largest()))
    programs = [lower(space, shape, row, size).compile() for row in rows]
    return size, cost(rows), programs


def lower(space, shape, row, batch_size):
    values = space.values(row)
    pooling = values["pooling"][0]
    sizes = [
        to_size({"heads": heads, "ffn": ffn})
        for keep, heads, ffn in zip(
            values["keep"], values["heads"], values["ffn"], strict=True
        )
        if keep
    ]
    params = abstract_params(shape, sizes, HeadSize(7), pooling)
    ids = jax.ShapeDtypeStruct((batch_size, 64), jnp.int32)
    length = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    run = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    return run.lower(params, shape, pooling, ids, ids, length)


def test_counted_flops_equal_xlas(compiled, record_property):
    size, counted, programs = compiled
    measured = np.asarray([program.cost_analysis()["flops"] for program in programs])

    ratio = measured / (size * counted["flops"])
    record_property("flops_ratio", ratio.tolist())
    print("XLA's FLOPs by counted:", ratio)
    np.testing.assert_allclose(ratio, 1.0, atol=FLOPS_TOLERANCE)


def test_counted_memory_is_near_xlas(compiled, record_property):
    _, counted, programs = compiled
    stats = [program.memory_analysis() for program in programs]
    measured = [s.argument_size_in_bytes + s.temp_size_in_bytes for s in stats]

    ratio = np.asarray(measured) / counted["memory_bytes"]
    record_property("memory_ratio", ratio.tolist())
    print("XLA's bytes by counted:", ratio)
    assert MEMORY_BAND[0] < ratio.min()
    assert ratio.max() < MEMORY_BAND[1]
