"""Which pieces share a row follows their languages, what stands there their vectors."""

import dataclasses

import numpy as np
import pytest

from tests.experiment.encoders import make
from xlnas_jax.config.model import NarrowConfig, VocabularyConfig
from xlnas_jax.experiment.pieces.sharing import cluster, sharing
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.results.vocabulary import vocabulary_tables
from xlnas_jax.types import ConfigError

SHARES = (0.5, 0.9, 1.0)


def config_in(folder, shared: int = 6):
    config = make(folder, vocabulary=VocabularyConfig(shared=shared))
    space = dataclasses.replace(config.space, vocabulary=SHARES)
    return dataclasses.replace(config, space=space)


def test_planted_groups_are_found() -> None:
    rng = np.random.default_rng(0)
    centers, of = 10 * rng.standard_normal((4, 16)), rng.integers(0, 4, 200)
    rows = (centers[of] + rng.standard_normal((200, 16))).astype(np.float32)
    found = cluster(rows, 12, seed=0)
    # Groups may be cut, and are never mixed.
    for group in range(12):
        assert len(set(of[found == group])) <= 1
    assert len(set(found)) <= 12
    np.testing.assert_array_equal(found, cluster(rows, 12, seed=0))


def test_of_few_rows_each_stays() -> None:
    rows = np.zeros((3, 4), np.float32)
    assert cluster(rows, 3, seed=0).tolist() == [0, 1, 2]


def test_every_language_keeps_its_share() -> None:
    rng = np.random.default_rng(1)
    words = rng.standard_normal((40, 8)).astype(np.float32)
    # Two languages whose frequent pieces are others'.
    counts = [np.r_[np.full(20, 9), np.ones(20)], np.r_[np.ones(20), np.full(20, 5)]]
    counts = [one.astype(np.int64) for one in counts]
    found = sharing(SHARES[:-1], 3, counts, np.asarray([7]), words)
    for share, rows in zip(found.shares, found.rows, strict=True):
        own = rows == np.arange(40)
        assert own[7]
        for one in counts:
            assert one[own].sum() >= share * one.sum() - 1e-9
    assert found.sizes[0] < found.sizes[1] <= found.sizes[2] == 40
    assert (
        found.sizes[:2] <= [(r == np.arange(40)).sum() + 3 for r in found.rows[:2]]
    ).all()


def test_shared_rows_are_means_and_all_others_as_they_were(tmp_path) -> None:
    experiment = prepare(config_in(tmp_path))
    plain = dataclasses.replace(
        experiment.config,
        space=dataclasses.replace(experiment.config.space, vocabulary=()),
    )
    words = experiment.shape.words
    assert words is not None and words.shares == SHARES
    table = np.asarray(init_params(experiment).encoder.embeddings.word)
    before = np.asarray(init_params(prepare(plain)).encoder.embeddings.word)
    size = experiment.shape.vocab_size
    assert table.shape == (words.table, experiment.shape.width)
    np.testing.assert_array_equal(table[:size], before)
    for rows in words.rows:
        for row in set(rows[rows >= size].tolist()):
            mean = before[rows == row].mean(0)
            np.testing.assert_allclose(table[row], mean, rtol=1e-5, atol=1e-6)
    again = prepare(config_in(tmp_path)).shape
    assert again == experiment.shape


def test_what_each_share_saves_is_shown(tmp_path) -> None:
    experiment = prepare(config_in(tmp_path))
    words, width = experiment.shape.words, experiment.shape.width
    assert words is not None
    shown = vocabulary_tables(experiment)[-1]
    assert [row[0] for row in shown.rows] == ["50", "90", "100"]
    sizes = words.sizes.tolist()
    assert [row[1] for row in shown.rows] == [f"{size:,}" for size in sizes]
    saved = [(sizes[-1] - size) * width for size in sizes]
    assert [row[2] for row in shown.rows] == [f"{one:,}" for one in saved]


def test_rows_that_are_learnt_again_are_not_shared(tmp_path) -> None:
    config = config_in(tmp_path)
    model = dataclasses.replace(config.model, narrow=NarrowConfig(width=16))
    with pytest.raises(ConfigError, match=r"space.vocabulary: .* model.narrow learns"):
        prepare(dataclasses.replace(config, model=model))
