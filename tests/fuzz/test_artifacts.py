"""A damaged model or checkpoint is refused in one paragraph, or answers as before."""

import math
import os
import shutil
from pathlib import Path
from random import Random
from typing import NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export.conftest import sentences, shape_like_xlmr
from tests.fuzz import damage
from tests.fuzz.contract import Tally, generated, snapshot
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.artifact.artifact import save_artifact
from xlnas_jax.export.artifact.card import Card
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import abstract_params, to_size
from xlnas_jax.export.predicting.classes import Prediction
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.cost import HeadSize
from xlnas_jax.storage.trees import load_tree, save_tree

LABELS = ("river", "city")
TEXT = "old river by the city"
STATE = {
    "weights": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)},
    "archive": (np.array([True, False]), np.zeros((0, 3), np.int8)),
    "step": np.array(4, np.int32),
}


class Sound(NamedTuple):
    """What was written, and what it says."""

    path: Path
    outside: Path
    prediction: Prediction | None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """An artifact of 1,500 weights, made without running any program."""
    folder = tmp_path_factory.mktemp("sound")
    tokenizer = train_tokenizer(sentences(60), vocab_size=40, max_length=16)
    shape = shape_like_xlmr(
        tokenizer,
        width=8,
        num_layers=1,
        num_heads=2,
        head_dim=4,
        ffn=16,
        max_positions=18,
    )
    expected = abstract_params(
        shape, [to_size({"heads": 2, "ffn": 16})], HeadSize(2), "mean"
    )
    random = np.random.default_rng(0)
    weights = jax.tree.map(
        lambda leaf: random.normal(size=leaf.shape).astype(np.float32), expected
    )
    card = Card("A title", {"source": "en"}, {}, {}, "", "", {}, {}, 16, "data", 0)
    subnet = Subnet(weights, shape, "mean", LABELS, tokenizer)
    path = save_artifact(folder / "model", subnet, architecture={}, card=card)
    (folder / "outside").mkdir()
    return Sound(path, folder / "outside", load(path).predict(TEXT)[0])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("sound")
    save_tree(folder / "tree" / "params", STATE)
    (folder / "outside").mkdir()
    return Sound(folder / "tree", folder / "outside", None)


def damaged_copy(sound: Sound, kind: damage.Damage, random: Random, sign: bool) -> Path:
    """A copy that someone damaged; what lies outside is the same as ever."""
    copy = sound.path.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.rmtree(sound.outside)
    sound.outside.mkdir()
    shutil.copytree(sound.path, copy)
    kind(copy, sound.outside, random)
    if sign:
        damage.sign(copy)
    return copy


@generated(quick=110, long=1_500)
@given(
    kind=st.sampled_from(damage.KINDS),
    random=st.randoms(use_true_random=False),
    is_signed=st.booleans(),
)
def test_a_damaged_model_is_refused_or_the_same(
    model: Sound,
    tally: Tally,
    kind: damage.Damage,
    random: Random,
    is_signed: bool,
) -> None:
    copy = damaged_copy(model, kind, random, is_signed)
    before = snapshot(model.outside), sorted(os.listdir(copy.parent))

    found = tally.holds(lambda: load(copy).predict(TEXT)[0])

    assert (snapshot(model.outside), sorted(os.listdir(copy.parent))) == before
    if found is not None and not is_signed:
        assert found == model.prediction
    if found is not None:
        # Whoever signs other weights or words has another model, though a sound one.
        assert math.isclose(sum(found.scores.values()), 1.0, rel_tol=1e-6)
        assert len(found.scores) == 2 and found.label in found.scores


@generated(quick=60, long=600)
@given(
    kind=st.sampled_from(damage.KINDS),
    random=st.randoms(use_true_random=False),
    is_signed=st.booleans(),
)
def test_a_damaged_tree_is_refused_or_the_same(
    tree: Sound,
    tally: Tally,
    kind: damage.Damage,
    random: Random,
    is_signed: bool,
) -> None:
    copy = damaged_copy(tree, kind, random, is_signed)
    before = snapshot(tree.outside), sorted(os.listdir(copy.parent))

    found = tally.holds(lambda: load_tree(copy / "params"))

    assert (snapshot(tree.outside), sorted(os.listdir(copy.parent))) == before
    # A changed manifest of arrays has its checksum within itself.
    if found is not None and not is_signed and kind is not damage.change_json:
        kernel = found["weights"]["kernel"]
        np.testing.assert_array_equal(kernel, STATE["weights"]["kernel"])
        assert found["archive"]["1"].shape == (0, 3) and found["step"] == 4
