"""Networks that differ in their words' rows are the same in every form."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, keys_of, random_batch, with_noise
from tests.supernet.forms import assert_near, logits_by
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.evaluation.dealing import deal_prefixes
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.evaluation.prefixes import plan_operations, shared_work
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.params import abstract_params, count_params
from xlnas_jax.export.slice import shape_of, slice_subnet
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.words import share_rows
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.relaxed import make_relaxed
from xlnas_jax.supernet.stages.vocabulary import VOCABULARY
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.types import ConfigError

SHARES = (0.4, 0.8, 1.0)
CONFIG = SpaceConfig(heads=(1, 4), vocabulary=SHARES)


def words():
    """Of 60 pieces some share three rows, others one."""
    piece = np.arange(60)
    few = np.where(piece < 20, -1, piece % 3)
    return share_rows(SHARES[:-1], [few, np.where(piece % 7, -1, 0)])


WORDS = dataclasses.replace(SHAPE, words=words())
SPACE = make_space(CONFIG, WORDS)
COLUMN = SPACE.columns(VOCABULARY).start
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


@functools.cache
def params() -> SupernetParams:
    encoder_key, head_key = keys_of(0, 2)
    encoder = init_encoder(encoder_key, WORDS, SPACE)
    head = init_head(head_key, WORDS, NUM_LABELS)
    return with_noise(SupernetParams(encoder, head), 0)


def every() -> np.ndarray:
    """The largest and the smallest network, and some between, by every choice."""
    drawn = np.asarray(SPACE.flatten(SPACE.sample_valid(jax.random.key(1), 2)))
    ends = [SPACE.largest_row, np.asarray(SPACE.flatten(SPACE.smallest()))]
    rows = np.repeat(np.concatenate([drawn, np.stack(ends)]), len(SHARES), 0)
    rows[:, COLUMN] = np.tile(np.arange(len(SHARES)), len(rows) // len(SHARES))
    return rows.astype(np.int32)


def exported(row: np.ndarray, batch) -> np.ndarray:
    arrays = batch.tokens, batch.segments, batch.length
    shape = shape_of(SPACE, row, WORDS)
    sliced = slice_subnet(params(), SPACE, row, WORDS)
    return np.asarray(apply_subnet(sliced, shape, "mean", *arrays))


def test_masked_sliced_and_exported_are_the_same() -> None:
    batch, rows = random_batch(0, 4, 20), every()
    masked = logits_by("masked", SPACE, WORDS, params(), batch, rows)
    sliced = logits_by("sliced", SPACE, WORDS, params(), batch, rows)
    assert_near(masked, sliced)
    for row, one in zip(rows, sliced, strict=True):
        assert_near(exported(row, batch), one)
    # Rows decide: no two choices of one network say the same.
    groups = sliced.reshape(-1, len(SHARES), sliced[0].size)
    for one in groups:
        assert np.abs(one[0] - one[1]).max() > 1e-3
        assert np.abs(one[1] - one[2]).max() > 1e-3


def test_pieces_with_one_row_are_one_piece() -> None:
    batch = random_batch(0, 4, 20)
    rows = words().rows[0]
    # 23 and 26 share a row where few have their own; else they do not.
    assert rows[23] == rows[26]
    tokens = np.asarray(batch.tokens)
    changed = dataclasses.replace(
        batch, tokens=jnp.asarray(np.where(tokens == 23, 26, tokens))
    )
    assert (np.asarray(changed.tokens) != tokens).any()
    few, full = SPACE.largest_row.copy(), SPACE.largest_row
    few[COLUMN] = 0
    np.testing.assert_array_equal(exported(few, batch), exported(few, changed))
    assert np.abs(exported(full, batch) - exported(full, changed)).max() > 1e-3


def test_with_a_row_for_each_piece_it_is_the_network_without_the_choice() -> None:
    plain = make_space(SpaceConfig(heads=(1, 4)), SHAPE)
    full = params().encoder
    tables = dataclasses.replace(
        full.embeddings, word=full.embeddings.word[: SHAPE.vocab_size]
    )
    alone = SupernetParams(dataclasses.replace(full, embeddings=tables), params().head)
    batch, rows = random_batch(0, 4, 20), every()[2::3]
    values = [SPACE.values(row) for row in rows]
    own = np.stack([plain.from_values(v) for v in values])
    expected = logits_by("sliced", plain, SHAPE, alone, batch, own)
    found = logits_by("sliced", SPACE, WORDS, params(), batch, rows)
    np.testing.assert_array_equal(found, expected)


def test_the_parameters_that_are_counted_are_those_that_are_stored() -> None:
    rows = np.stack(list(every_architecture(SPACE)))
    costs = CostModel(SPACE, WORDS, (HeadSize(NUM_LABELS),), length=16)
    counted = costs(rows)
    for row, count in zip(rows, counted["params"].tolist(), strict=True):
        sliced = slice_subnet(params(), SPACE, row, WORDS)
        assert count_params(sliced) == count
        shape = shape_of(SPACE, row, WORDS)
        abstract = abstract_params(shape, sliced.sizes, HeadSize(NUM_LABELS), "mean")
        assert jax.tree.map(jnp.shape, abstract) == jax.tree.map(jnp.shape, sliced)
    # Rows of words are no part of the encoder's own, and take no time.
    for name in ("encoder_params", "flops"):
        by_choice = [counted[name][rows[:, COLUMN] == c] for c in range(len(SHARES))]
        assert np.array_equal(by_choice[0], by_choice[2])
    parts = costs.parts()
    saved = parts.fixed["params"][2] - parts.fixed["params"][0]
    assert saved == (60 - words().sizes[0]) * SHAPE.width
    assert counted["params"].min() == costs.smallest()["params"]


@pytest.mark.parametrize("form", ["masked", "sliced"])
def test_relaxed_at_one_choice_a_site_is_that_network(form) -> None:
    relaxed, batch, rows = (
        make_relaxed(SPACE, WORDS, form),
        random_batch(0, 4, 20),
        every()[:3],
    )
    most = max(SPACE.num_choices)
    expected = logits_by("sliced", SPACE, WORDS, params(), batch, rows)

    @jax.jit
    def run(row):
        weights = jax.nn.one_hot(row, most)
        return relaxed(params(), batch, weights, row if form == "sliced" else None)

    for row, one in zip(rows, expected, strict=True):
        assert_near(run(row), one)


def test_populations_score_as_one_candidate_at_a_time() -> None:
    rows = every()[np.random.default_rng(0).permutation(len(every()))]
    batches = (random_batch(2, 4, 8), random_batch(1, 6, 16, seed=1))
    found = {}
    for form in ("sliced", "masked"):
        supernet = make_supernet(SPACE, WORDS, form)
        score = make_evaluator(supernet, SPACE, TASK, 2, form, 4)
        found[form] = np.asarray(score(params(), rows, len(rows), batches))
        alone = [np.asarray(score(params(), rows[[n]], 1, batches)) for n in range(4)]
        np.testing.assert_allclose(found[form][:4], np.concatenate(alone), rtol=1e-5)
    np.testing.assert_allclose(found["sliced"], found["masked"], rtol=2e-5, atol=1e-5)


def test_work_is_shared_by_networks_with_the_same_rows_alone() -> None:
    row = SPACE.largest_row
    costs = CostModel(SPACE, WORDS, (HeadSize(NUM_LABELS),), length=16)
    other = row.copy()
    other[COLUMN] = 0
    same, apart = np.stack([row, row]), np.stack([row, other])
    assert shared_work(SPACE, same, costs.stages()) == pytest.approx(0.5)
    assert shared_work(SPACE, apart, costs.stages()) == 0.0
    steps = len(SPACE.stages) * SHAPE.num_layers + 1
    # Beginning, layers and a score of both, or of one and another score.
    assert int(plan_operations(SPACE, apart, 2).num) == 2 * (steps + 1)
    assert int(plan_operations(SPACE, same, 2).num) == steps + 2
    assert sum(map(len, deal_prefixes(SPACE, costs.stages(), apart, 2))) == 2


def test_it_takes_texts_to_count_pieces_by() -> None:
    with pytest.raises(ConfigError, match=r"space.vocabulary: model.vocabulary must"):
        make_space(CONFIG, SHAPE)


@pytest.mark.parametrize(
    "shares", [(0.5,), (0.8, 0.5, 1.0), (0.5, 0.5, 1.0), (1.5, 2.0)]
)
def test_shares_rise_to_one(shares) -> None:
    with pytest.raises(ConfigError, match=r"vocabulary: (shares )?must"):
        SpaceConfig(vocabulary=shares)
