"""The exported network predicts what its logits say, in the given order."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from tests.export.conftest import LABELS, MAX_LENGTH, OWN_HEADS, sentences
from xlnas_jax.export.apply import apply_subnet_jit
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import CheckpointError, DataError

# The same rows in batches of other sizes: other orders of the same sums.
BATCH_TOLERANCE = 1e-5
TEXTS = sentences(18)


@nnx.jit
def call(network, *arrays):
    return network(*arrays)


def direct_logits(subnet, text: str, pair: str | None = None) -> np.ndarray:
    """One text alone, without any padding."""
    (one,) = subnet.tokenizer.encode([text], None if pair is None else [pair])
    ids, segments = (jnp.asarray([x], jnp.int32) for x in (one.ids, one.segments))
    length = jnp.asarray([len(one.ids)], jnp.int32)
    return np.asarray(call(subnet, ids, segments, length))[0]


@pytest.fixture(scope="module")
def direct(subnet) -> np.ndarray:
    return np.stack([direct_logits(subnet, text) for text in TEXTS])


def test_logits_of_mixed_lengths_keep_their_order(subnet, direct):
    np.testing.assert_allclose(subnet.logits(TEXTS), direct, atol=BATCH_TOLERANCE)
    assert direct.std(0).min() > 0.01, "texts must differ, or order is not tested"


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_batch_size_does_not_change_the_logits(subnet, direct, batch_size):
    got = subnet.logits(TEXTS, batch_size=batch_size)

    np.testing.assert_allclose(got, direct, atol=BATCH_TOLERANCE)


def test_predictions_are_the_argmax_with_its_probability(subnet, direct):
    predictions = subnet.predict(TEXTS)

    expected = np.asarray(jax.nn.softmax(direct, axis=-1))
    assert [p.label for p in predictions] == [LABELS[i] for i in expected.argmax(-1)]
    assert len({p.label for p in predictions}) > 1
    got = [[p.scores[label] for label in LABELS] for p in predictions]
    np.testing.assert_allclose(got, expected, atol=BATCH_TOLERANCE)
    np.testing.assert_allclose(
        [p.probability for p in predictions], expected.max(-1), atol=BATCH_TOLERANCE
    )


def test_one_text_is_a_list_of_one(subnet):
    assert subnet.predict("old river") == subnet.predict(["old river"])


def test_no_text_gives_no_prediction(subnet):
    assert subnet.predict([]) == []
    assert subnet.logits([]).shape == (0, len(LABELS))


def test_a_text_beyond_the_maximum_is_cut(subnet):
    long = "river " * 500

    (encoded,) = subnet.tokenizer.encode([long])

    assert len(encoded.ids) == MAX_LENGTH
    np.testing.assert_allclose(
        subnet.logits(long)[0], direct_logits(subnet, long), atol=BATCH_TOLERANCE
    )


def test_pairs_are_encoded_together(subnet):
    got = subnet.logits(["old river", "new"], ["many people", "city walk"])

    wanted = direct_logits(subnet, "new", "city walk")
    np.testing.assert_allclose(got[1], wanted, atol=BATCH_TOLERANCE)
    assert np.abs(wanted - direct_logits(subnet, "new")).max() > 0.01


def test_a_language_adds_its_own_output_layer_to_the_shared_one(tiny):
    network = tiny.of("classification", OWN_HEADS).subnet(tiny.rows[1])

    shared = network.logits(TEXTS)
    own = network.logits(TEXTS, language="swh_Latn")

    np.testing.assert_array_equal(network.logits(TEXTS, language="fi"), shared)
    assert np.abs(own - shared).max(1).min() > 0.01
    scores = [p.scores for p in network.predict(TEXTS, language="sw")]
    wanted = np.asarray(jax.nn.softmax(own, axis=-1))
    got = [[one[label] for label in LABELS] for one in scores]
    np.testing.assert_allclose(got, wanted, atol=BATCH_TOLERANCE)


def test_texts_of_all_lengths_compile_few_programs(subnet):
    apply_subnet_jit.clear_cache()

    subnet.logits(sentences(300), batch_size=32)
    before = apply_subnet_jit._cache_size()
    subnet.logits(sentences(300)[::-1], batch_size=32)

    # Lengths 16, 32 and 40; full batches, and one remainder of each length.
    assert before <= 6
    assert apply_subnet_jit._cache_size() == before


def test_a_lone_surrogate_is_named_by_its_index(subnet):
    with pytest.raises(DataError, match=r"texts\[1\].*surrogates"):
        subnet.predict(["good", "bad \ud800"])


def test_pairs_must_match_texts(subnet):
    with pytest.raises(DataError, match="got 1 for 2 texts"):
        subnet.predict(["a", "b"], ["c"])


def test_batch_size_must_be_positive(subnet):
    with pytest.raises(DataError, match="batch_size: must be at least 1; got 0"):
        subnet.predict(["a"], batch_size=0)


def test_every_weight_is_an_nnx_param(tiny, subnet):
    held = jax.tree.leaves(nnx.state(subnet, nnx.Param))
    plain = jax.tree.leaves(subnet.weights)

    assert len(held) == len(plain)
    assert sum(x.size for x in held) == sum(x.size for x in plain)
    assert isinstance(subnet.weights, SubnetParams)


def test_split_and_merge_give_the_same_network(subnet, direct):
    again = nnx.merge(*nnx.split(subnet))

    np.testing.assert_array_equal(again.logits(TEXTS), subnet.logits(TEXTS))


def test_an_nnx_optimizer_fine_tunes_it(tiny):
    network = tiny.subnet(np.asarray(tiny.space.flatten(tiny.space.smallest())))
    encoded = network.tokenizer.encode(TEXTS[1:9])
    ids = np.zeros((8, MAX_LENGTH), np.int32)
    for i, one in enumerate(encoded):
        ids[i, : len(one.ids)] = one.ids
    length = jnp.asarray([len(one.ids) for one in encoded], jnp.int32)
    label = jnp.arange(8, dtype=jnp.int32) % 3
    optimizer = nnx.Optimizer(network, optax.sgd(0.2), wrt=nnx.Param)

    @nnx.jit
    def step(network, optimizer):
        def loss(network):
            logits = network(jnp.asarray(ids), jnp.zeros_like(ids), length)
            return -jnp.take_along_axis(
                jax.nn.log_softmax(logits), label[:, None], axis=1
            ).mean()

        value, grads = nnx.value_and_grad(loss)(network)
        optimizer.update(network, grads)
        return value

    losses = [float(step(network, optimizer)) for _ in range(20)]

    assert losses[-1] < 0.7 * losses[0]
    changed = np.abs(
        network.weights.embeddings.word - tiny.params.encoder.embeddings.word
    )
    assert changed.max() > 0


@pytest.mark.parametrize("name", ["subnet", "tagger", "reader"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_scores_that_are_no_numbers_are_told(request, name, value):
    network = request.getfixturevalue(name)
    broken = Subnet(
        jax.tree.map(lambda leaf: jnp.full_like(leaf, value), network.weights),
        network.shape,
        network.pooling,
        network.labels,
        network.tokenizer,
        network.task,
        network.own_heads,
    )
    given = (["old river"], ["old river city"]) if name == "reader" else (["river"],)

    with pytest.raises(CheckpointError, match="every score must be a finite number"):
        broken.predict(*given)
