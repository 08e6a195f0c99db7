"""A network whose pieces share rows says the same wherever it is held."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from tests.export.conftest import sentences
from tests.export.rows import SHARE, sharing
from xlnas_jax.export.artifact.artifact import save_artifact
from xlnas_jax.export.artifact.contents import write_contents
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.fewer import with_fewer_rows
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.trim import Keep, trim_subnet
from xlnas_jax.export.words import with_all_rows
from xlnas_jax.storage.trees import save_tree
from xlnas_jax.types import CheckpointError, ConfigError

TEXTS = sentences(6)


@pytest.fixture
def shared(subnet: Subnet) -> Subnet:
    return sharing(subnet)


@pytest.fixture
def saved(shared: Subnet, card, tmp_path: Path) -> Path:
    return save_artifact(tmp_path / "model", shared, architecture={}, card=card)


def relisted(path: Path) -> None:
    """As if an export had written what is there."""
    (path / "manifest.json").unlink()
    write_contents(path)


def test_with_all_rows_it_says_the_same(shared: Subnet, subnet: Subnet) -> None:
    whole = with_all_rows(shared)
    np.testing.assert_array_equal(whole.logits(TEXTS), shared.logits(TEXTS))
    assert whole.shape == subnet.shape
    assert count_params(whole.weights) == count_params(subnet.weights)
    words = shared.shape.words
    assert words is not None
    saved = (subnet.shape.vocab_size - words.table) * subnet.shape.width
    held = count_params(subnet.weights) - count_params(shared.weights)
    assert held == saved > 0
    assert with_all_rows(subnet) is subnet


def test_what_is_saved_is_loaded(saved: Path, shared: Subnet) -> None:
    found = load(saved)
    assert found.shape == shared.shape
    np.testing.assert_array_equal(found.logits(TEXTS), shared.logits(TEXTS))
    assert json.loads((saved / "config.json").read_text())["word_share"] == SHARE
    assert "words" not in json.loads((saved / "config.json").read_text())["shape"]


def test_of_networks_that_share_none_nothing_is_said(path: Path) -> None:
    assert "word_share" not in json.loads((path / "config.json").read_text())
    assert not (path / "words").exists()


@pytest.mark.parametrize("kind", ["beyond", "gap", "few", "wide", "two", "none"])
def test_rows_that_are_none_are_damage(saved: Path, shared: Subnet, kind: str) -> None:
    assert shared.shape.words is not None
    rows = shared.shape.words.rows[0].copy()
    rows[0] += kind == "beyond"
    rows[rows == 1] = 2 if kind == "gap" else 1
    rows[0] = shared.shape.vocab_size if kind == "beyond" else rows[0]
    trees = {
        "few": {"rows": rows[1:]},
        "wide": {"rows": rows.astype(np.int64)},
        "two": {"rows": rows, "more": rows},
        "none": {},
    }
    shutil.rmtree(saved / "words")
    save_tree(saved / "words", trees.get(kind, {"rows": rows}))
    relisted(saved)
    with pytest.raises(CheckpointError, match="words/ must hold a row of the table"):
        load(saved)


def test_a_file_of_rows_that_was_changed_is_noticed(saved: Path) -> None:
    files = [file for file in (saved / "words").rglob("*") if file.is_file()]
    largest = max(files, key=lambda file: file.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="words"):
        load(saved)


@pytest.mark.parametrize("share", [1.0, -0.5, "half", True])
def test_a_share_that_is_none_is_named(saved: Path, share) -> None:
    content = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**content, "word_share": share}))
    relisted(saved)
    with pytest.raises(CheckpointError, match="word_share"):
        load(saved)


def test_rows_stay_shared_where_pieces_are_taken_away(shared: Subnet) -> None:
    found = trim_subnet(shared, {"own": TEXTS}).subnet
    assert found.shape.vocab_size < shared.shape.vocab_size
    np.testing.assert_allclose(found.logits(TEXTS), shared.logits(TEXTS), atol=1e-5)
    words = found.shape.words
    assert words is None or words.table < found.shape.vocab_size
    assert found.shape.word_rows == len(found.weights.embeddings.word)
    most = count_params(shared.weights) - 5 * shared.shape.width
    limited = trim_subnet(shared, {"own": TEXTS}, Keep(params=most)).subnet
    assert count_params(limited.weights) <= most


def test_one_piece_that_learns_moves_all_that_share_its_row(shared: Subnet) -> None:
    words = shared.shape.words
    assert words is not None
    row = int(np.bincount(words.rows[0]).argmax())
    weights = shared.weights
    word = weights.embeddings.word.at[row].add(1.0)
    tables = dataclasses.replace(weights.embeddings, word=word)
    moved = Subnet(
        dataclasses.replace(weights, embeddings=tables),
        *(shared.shape, shared.pooling, shared.labels, shared.tokenizer),
    )
    before, after = (
        np.asarray(with_all_rows(one).weights.embeddings.word)
        for one in (shared, moved)
    )
    has_moved = (before != after).any(-1)
    np.testing.assert_array_equal(has_moved, words.rows[0] == row)
    assert has_moved.sum() > 1
    assert jax.tree.structure(moved.weights) == jax.tree.structure(weights)


def test_fewer_rows_lose_no_piece_and_cut_no_text_otherwise(subnet: Subnet) -> None:
    texts = {"own": [one for one in TEXTS if one], "more": ["the old river"]}
    found = with_fewer_rows(subnet, texts, 0.5, 3)
    words = found.shape.words
    assert words is not None and words.shares == (0.5,)
    assert found.shape.vocab_size == subnet.shape.vocab_size
    assert words.shared <= 3
    assert found.tokenizer is subnet.tokenizer
    # What all frequent pieces make up is as it was.
    own = words.rows[0] != np.argmax(np.bincount(words.rows[0]))
    before = np.asarray(subnet.weights.embeddings.word)
    after = np.asarray(with_all_rows(found).weights.embeddings.word)
    np.testing.assert_array_equal((before == after).all(-1) <= own, True)
    pad = subnet.shape.pad_id
    np.testing.assert_array_equal(before[pad], after[pad])
    assert np.isfinite(found.logits(TEXTS)).all()
    with pytest.raises(ConfigError, match="trim: pieces may share rows once"):
        with_fewer_rows(found, texts, 0.5, 3)
    assert with_fewer_rows(subnet, texts, 0.5, 10**6) is subnet
