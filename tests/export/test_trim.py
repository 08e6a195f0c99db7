"""An exported network keeps what its texts use, and gives them the same logits."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.conftest import Tiny, sentences
from tests.terminal.heard import Heard
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.trim import Keep, trim_subnet
from xlnas_jax.types import ConfigError

TEXTS = ["the old river", "many people walk", ""]


def test_texts_that_were_counted_get_the_logits_that_they_got(subnet: Subnet) -> None:
    heard = Heard()
    found = trim_subnet(subnet, {"own": TEXTS}, report=heard)
    assert heard.parts("counting pieces") == heard.parts("comparing tokens") == 1
    kept = found.subnet.shape.vocab_size
    assert kept < found.rows == subnet.shape.vocab_size
    assert found.compared["own"].num_others == 0
    np.testing.assert_allclose(
        found.subnet.logits(TEXTS), subnet.logits(TEXTS), atol=1e-5
    )
    removed = count_params(subnet.weights) - count_params(found.subnet.weights)
    assert removed == (found.rows - kept) * subnet.shape.width


@pytest.mark.parametrize("task", ["tagging", "qa"])
def test_taggers_and_readers_are_trimmed_alike(tiny: Tiny, task: str) -> None:
    subnet = tiny.of(task).subnet(tiny.rows[1])
    texts = [("the", "old", "river"), ("new", "city")] if task == "tagging" else TEXTS
    found = trim_subnet(subnet, {"own": texts}).subnet
    if task == "tagging":
        ours, theirs = (one.predict(list(texts)) for one in (found, subnet))
        assert [one.tags for one in ours] == [one.tags for one in theirs]
    else:
        ours, theirs = (one.predict("the old", TEXTS[1]) for one in (found, subnet))
        assert ours[0].text == theirs[0].text
        assert ours[0].score == pytest.approx(theirs[0].score, abs=1e-4)


def test_a_prefix_is_among_what_is_counted(subnet: Subnet) -> None:
    tokenizer = dataclasses.replace(subnet.tokenizer, prefix="walk by ")
    other = Subnet(
        subnet.weights,
        subnet.shape,
        subnet.pooling,
        subnet.labels,
        tokenizer,
        own_heads=subnet.own_heads,
        dtype="bf16",
    )
    found = trim_subnet(other, {"own": ["new"]}).subnet
    assert found.tokenizer.prefix == "walk by " and found.dtype == "bf16"
    np.testing.assert_allclose(found.logits(["new"]), other.logits(["new"]), atol=1e-5)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(share=st.floats(0.0, 1.0))
def test_a_limit_on_parameters_holds(subnet: Subnet, share: float) -> None:
    texts = {"own": sentences(60)}
    whole, least = (
        count_params(one.weights)
        for one in (subnet, trim_subnet(subnet, texts, Keep(most=0)).subnet)
    )
    limit = round(least + share * (whole - least))
    found = trim_subnet(subnet, texts, Keep(params=limit)).subnet
    assert count_params(found.weights) <= limit
    # As many as it allows, or all that are used.
    used = trim_subnet(subnet, texts).subnet
    room = limit - count_params(found.weights)
    is_whole = found.shape.vocab_size == used.shape.vocab_size
    assert room < subnet.shape.width or is_whole


def test_a_limit_that_singles_alone_are_over_is_named(subnet: Subnet) -> None:
    least = count_params(
        trim_subnet(subnet, {"own": TEXTS}, Keep(most=0)).subnet.weights
    )
    with pytest.raises(ConfigError, match=f"possible value is {least:,}"):
        trim_subnet(subnet, {"own": TEXTS}, Keep(params=least - 1))
    assert trim_subnet(subnet, {"own": TEXTS}, Keep(params=least)).subnet


def test_what_is_left_out_is_cut_into_more(subnet: Subnet) -> None:
    found = trim_subnet(subnet, {"few": ["a"], "many": sentences(60)}, Keep(most=0))
    assert found.compared["many"].growth > 0
    assert np.isfinite(found.subnet.logits(sentences(3))).all()
