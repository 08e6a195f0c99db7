"""Dictionaries that are read off word embeddings in files."""

from pathlib import Path

import numpy as np
import pytest

from tests.alignment.mapping.languages import planted
from xlnas_jax.config.augment.translators import VectorWordsTranslator
from xlnas_jax.data.translators.dictionary import WordByWord
from xlnas_jax.data.translators.vector_words import vector_lexicons
from xlnas_jax.types import DataError

NUM = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The second language is the first turned; word n is `thus n` in it."""
    root = tmp_path_factory.mktemp("vectors")
    x, y, order = planted(NUM, 16)
    rows = y[order]  # in the order of the first language's words
    shuffled = np.random.default_rng(0).permutation(NUM)
    for name, vectors in (("en", x), ("de", rows), ("nl", x)):
        places = shuffled if name == "de" else range(NUM)
        lines = [
            f"{name}{spelled(n)} {' '.join(f'{v:.6f}' for v in vectors[n])}"
            for n in places
        ]
        head = [f"{NUM} 16"] if name != "nl" else []
        (root / f"{name}.vec").write_text("\n".join([*head, *lines]) + "\n", "utf-8")
    seeds = "".join(f"en{spelled(n)} de{spelled(n)}\n" for n in range(40))
    (root / "en-de.txt").write_text(seeds, "utf-8")
    return root


def spelled(number: int) -> str:
    """A number in letters, which alone are words."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def made(folder: Path, **options) -> WordByWord:
    config = VectorWordsTranslator(f"{folder}/{{language}}.vec", **options)
    return WordByWord(vector_lexicons(config, "here", 0, skip=False))


def precision(translator: WordByWord, target: str) -> float:
    words = [f"en{spelled(n)}" for n in range(NUM)]
    found = translator.words(words, "en", target)
    right = [f"{target}{spelled(n)}" in one for n, one in enumerate(found)]
    return float(np.mean(right))


@pytest.mark.parametrize(
    ("options", "target", "least"),
    [
        ({}, "nl", 1.0),
        ({"mapping": "supervised", "seed": "{}/{{source}}-{{target}}.txt"}, "de", 0.9),
        (
            {"mapping": "semi_supervised", "seed": "{}/{{source}}-{{target}}.txt"},
            "de",
            0.9,
        ),
    ],
    ids=["aligned", "supervised", "semi-supervised"],
)
def test_planted_translations_are_found(folder, options, target, least) -> None:
    given = {k: v.format(folder) for k, v in options.items()}
    assert precision(made(folder, **given), target) >= least


def test_a_turned_language_is_not_taken_for_an_aligned_one(folder) -> None:
    assert precision(made(folder, least=1), "de") < 0.2


def test_faults_are_named_with_file_and_place(tmp_path) -> None:
    (tmp_path / "en.vec").write_text("a 1 2\nb 1\n", "utf-8")
    (tmp_path / "de.vec").write_text("a 1 2\n", "utf-8")
    with pytest.raises(DataError, match=r"en\.vec, word 2: every line.*got 'b 1'"):
        made(tmp_path).words(["a"], "en", "de")
    (tmp_path / "en.vec").write_text("a 1 2\nb 2 1\n", "utf-8")
    with pytest.raises(DataError, match=r"de\.vec: must hold.*2 words.*got 1"):
        made(tmp_path).words(["a"], "en", "de")
    with pytest.raises(DataError, match=r"here .*vec"):
        made(tmp_path).words(["a"], "en", "fi")
