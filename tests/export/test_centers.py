"""Taking a language's mean away finds translations again, and by its name alone."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import xlnas_jax
from tests.export.conftest import Tiny, sentences
from xlnas_jax.alignment.measures.centroid import centroid_distance
from xlnas_jax.alignment.measures.retrieval import retrieval
from xlnas_jax.export.artifact.artifact import save_artifact
from xlnas_jax.export.artifact.contents import write_contents
from xlnas_jax.export.centers import MIN_TEXTS, Centers, find_centers, without
from xlnas_jax.export.params import count_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.shape import POOLINGS
from xlnas_jax.storage.trees import save_tree
from xlnas_jax.supernet.params import HeadParams
from xlnas_jax.types import DamagedError

NUM, WIDTH = 60, 12
CODES = ("en", "sw", "quy")


def planted() -> dict[str, np.ndarray]:
    """Of every language the same meanings, moved far along a direction of its own."""
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(NUM, WIDTH))
    moves = 30.0 * rng.normal(size=(len(CODES), WIDTH))
    return {
        code: (meanings + move).astype(np.float32)
        for code, move in zip(CODES, moves, strict=True)
    }


SPACES = planted()


def encode(texts) -> np.ndarray:
    """The vector that `code number` names."""
    found = [SPACES[code][int(n)] for code, n in (text.split() for text in texts)]
    return np.stack(found) if found else np.zeros((0, WIDTH), np.float32)


def texts_of(code: str, count: int = NUM) -> list[str]:
    return [f"{code} {n}" for n in range(count)]


@pytest.fixture(scope="module")
def centers() -> Centers:
    return find_centers(encode, {code: texts_of(code) for code in CODES}, "en")


def test_planted_moves_are_undone_and_every_translation_is_found(centers) -> None:
    for code in ("sw", "quy"):
        plain = SPACES[code], SPACES["en"]
        assert retrieval(*plain) < 0.2
        ours, theirs = centers.both(code, *plain)
        assert retrieval(ours, theirs) == 1.0
        np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, rtol=1e-6)


def test_means_of_the_texts_that_they_were_found_on_lie_together(centers) -> None:
    moved = [SPACES[code] - centers.of(code) for code in CODES]
    for one in moved[1:]:
        assert centroid_distance(moved[0], one) == pytest.approx(0.0, abs=1e-5)
    assert centroid_distance(SPACES["en"], SPACES["sw"]) > 5.0


def test_a_language_without_a_mean_is_compared_as_it_was(centers) -> None:
    known = Centers(("en",), centers.means[:1], "en")
    plain = SPACES["sw"], SPACES["en"]
    assert all(a is b for a, b in zip(known.both("sw", *plain), plain, strict=True))
    alone = Centers(("sw",), centers.means[1:2], "en")
    assert all(a is b for a, b in zip(alone.both("sw", *plain), plain, strict=True))


def test_codes_are_read_in_any_spelling(centers) -> None:
    np.testing.assert_array_equal(centers.of("swa"), centers.of("sw"))
    assert centers.of("fi") is None and centers.of(None) is None


def test_of_a_few_texts_there_is_no_mean() -> None:
    few = {"en": texts_of("en"), "sw": texts_of("sw", MIN_TEXTS - 1)}
    assert find_centers(encode, few, "en").codes == ("en",)
    assert find_centers(encode, {}, "en").means.shape == (0, WIDTH)


def test_a_vector_that_is_the_mean_stays_zeros() -> None:
    found = without(np.ones((2, 3), np.float32), np.ones(3, np.float32))
    np.testing.assert_array_equal(found, 0.0)


@pytest.fixture(scope="module")
def encoder(tiny: Tiny) -> Subnet:
    """Gives vectors, and has means of two languages."""
    row = tiny.rows[POOLINGS.index("mean")]
    weights = slice_subnet(tiny.params, tiny.space, row)
    weights = dataclasses.replace(weights, head=HeadParams())
    given = weights, tiny.shape, "mean", (), tiny.tokenizer
    made = Subnet(*given, task="retrieval")
    texts = {"en": sentences(20), "sw": sentences(40)[20:]}
    made.centers = find_centers(made.vectors, texts, "en")
    return made


@pytest.fixture(scope="module")
def exported(encoder: Subnet, card, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("centred") / "model"
    return save_artifact(folder, encoder, architecture={}, card=card)


def test_a_loaded_model_takes_the_same_means_away_to_the_bit(
    encoder: Subnet, exported: Path
) -> None:
    loaded, texts = xlnas_jax.load(exported), sentences(9)
    assert encoder.centers is not None and loaded.centers is not None
    assert (loaded.centers.codes, loaded.centers.source) == (("en", "sw"), "en")
    for language in (None, "en", "sw", "fi"):
        found = loaded.vectors(texts, language=language)
        np.testing.assert_array_equal(found, encoder.vectors(texts, language=language))
    plain = encoder.vectors(texts)
    moved = plain - encoder.centers.means[1]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.vectors(texts, language="swa"), moved, atol=1e-6)
    assert np.abs(moved - plain).max() > 1e-3
    # Weights are what they were: means are no part of them.
    assert count_params(loaded.weights) == count_params(encoder.weights)


@pytest.mark.parametrize(
    ("means", "codes"),
    [
        (np.zeros((2, 31)), ["en", "sw"]),
        (np.zeros((2, 32)), ["en"]),
        (np.full((2, 32), np.nan), ["en", "sw"]),
    ],
)
def test_means_that_do_not_fit_are_refused(
    exported: Path, means, codes: list[str], tmp_path: Path
) -> None:
    path = shutil.copytree(exported, tmp_path / "model")
    shutil.rmtree(path / "centers")
    save_tree(path / "centers", {"means": means.astype(np.float32)})
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "centers": codes}))
    (path / "manifest.json").unlink()
    write_contents(path)
    with pytest.raises(DamagedError, match="centers/ must hold finite means"):
        xlnas_jax.load(path)


def test_a_change_of_the_means_is_noticed(exported: Path, tmp_path: Path) -> None:
    path = shutil.copytree(exported, tmp_path / "model")
    every = [one for one in (path / "centers").rglob("*") if one.is_file()]
    file = max(every, key=lambda one: one.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DamagedError):
        xlnas_jax.load(path)
