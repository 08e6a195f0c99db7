"""As many tokens are hidden as is asked for, in the ways said, and no others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from xlnas_jax.data.tokens.masks import Masks
from xlnas_jax.pretraining.masking import mask_tokens, most_told

VOCAB, SPECIAL, MASK = 40, 5, 4
MASKS = Masks(MASK, np.arange(VOCAB) < SPECIAL)
DRAWS, BATCH, SEQ, RATE = 40, 16, 24, 0.15
# An event that comes once in a hundred thousand runs, were they not of one key.
SURE = 1 - 1e-5


@pytest.fixture(scope="module")
def batch():
    """Rows of any length; a third of their tokens are special."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, VOCAB, (BATCH, SEQ))
    special = rng.integers(0, SPECIAL, (BATCH, SEQ))
    tokens = np.where(rng.random((BATCH, SEQ)) < 0.3, special, tokens)
    mask = np.arange(SEQ)[None] < rng.integers(1, SEQ + 1, BATCH)[:, None]
    return jnp.asarray(tokens, jnp.int32), jnp.asarray(mask)


@pytest.fixture(scope="module")
def drawn(batch):
    """The same batch, masked with many keys."""
    keys = jax.random.split(jax.random.key(1), DRAWS)
    run = jax.vmap(lambda key: mask_tokens(key, *batch, MASKS, RATE))
    return jax.tree.map(np.asarray, jax.jit(run)(keys))


def is_ordinary(batch):
    tokens, mask = map(np.asarray, batch)
    return mask & ~MASKS.is_special[tokens]


def within(found: int, number: int, chance: float) -> bool:
    low, high = stats.binom.interval(SURE, number, chance)
    return low <= found <= high


def test_the_share_of_tokens_that_are_told_is_the_one_asked_for(batch, drawn):
    # The number of a row is rounded, so it varies less than a binomial would.
    number = DRAWS * int(is_ordinary(batch).sum())
    assert within(int(drawn.weight.sum()), number, RATE)
    per_row = drawn.weight.sum(-1)
    exact = RATE * is_ordinary(batch).sum(-1)[None]
    assert (np.abs(per_row - exact) < 1).all()


def test_special_tokens_and_padding_are_never_touched(batch, drawn):
    tokens = np.asarray(batch[0])
    changed = drawn.tokens != tokens[None]
    assert not changed[:, ~is_ordinary(batch)].any()
    told = np.take_along_axis(is_ordinary(batch)[None], drawn.position, axis=2)
    assert told[drawn.weight > 0].all()


def test_no_position_is_told_twice_and_what_stood_there_is_wanted(batch, drawn):
    tokens = np.broadcast_to(np.asarray(batch[0]), drawn.tokens.shape)
    there = np.take_along_axis(tokens, drawn.position, axis=2)
    np.testing.assert_array_equal(drawn.wanted, there)
    ordered = np.sort(drawn.position, axis=-1)
    assert (np.diff(ordered, axis=-1) > 0).all()


def test_of_ten_eight_are_masked_one_is_another_and_one_stays(drawn):
    seen = np.take_along_axis(drawn.tokens, drawn.position, axis=2)
    is_told = drawn.weight > 0
    seen, wanted = seen[is_told], drawn.wanted[is_told]
    number, ordinary = len(seen), VOCAB - SPECIAL
    assert within(int((seen == MASK).sum()), number, 0.8)
    # One in so many of the others is drawn to be what it was.
    assert within(int((seen == wanted).sum()), number, 0.1 + 0.1 / ordinary)
    others = seen[(seen != MASK) & (seen != wanted)]
    assert not MASKS.is_special[others].any()
    counts = np.bincount(others, minlength=VOCAB)[SPECIAL:]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_masks_are_others_with_every_key(drawn):
    assert len({row.tobytes() for row in drawn.tokens}) == DRAWS


def test_the_room_for_told_tokens_suffices_at_any_length():
    for seq in range(1, 300):
        for rate in (0.01, 0.15, 0.5, 0.9):
            # The most that rounding up can come to, of a row that is all ordinary.
            assert most_told(seq, rate) >= min(seq, np.floor(rate * seq + 1 - 1e-9))
