"""What trimming costs is shown of texts that it did not see."""

from pathlib import Path

import pytest

from tests.data.tokens.trimming.material import names, trained
from tests.experiment.encoders import SPARE_ROWS, make, write_texts
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.data.tokens.trimming.cutting import cut
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.description import describe
from xlnas_jax.results.vocabulary import vocabulary_tables


def tokens(tokenizer, texts: list[str]) -> float:
    return sum(map(len, cut(tokenizer.backend, texts))) / len(texts)


def test_tokens_of_test_texts_are_shown_before_and_after(tmp_path: Path) -> None:
    options = VocabularyConfig(languages=("en", "ru"))
    config = make(tmp_path, vocabulary=options)
    write_texts(tmp_path / "data", fr_test="日本 日本 日本")
    experiment = prepare(config)
    (table,) = vocabulary_tables(experiment)
    assert table in describe(experiment)
    size, rows = experiment.shape.vocab_size, trained("Unigram").vocab_size + SPARE_ROWS
    assert table.title.startswith(
        f"Vocabulary: {size} of {rows} pieces, {(rows - size) * 24:,} parameters fewer"
    )
    assert table.notes == ("Kept: what train and dev texts use, of en, ru.",)
    assert [row[0] for row in table.rows] == ["en English", "fr French", "ru Russian"]
    fr = names("fr")
    test = [*fr[len(fr) // 10 : 2 * (len(fr) // 10)], "日本 日本 日本"]
    whole, trimmed = trained("Unigram"), experiment.parts[0].tokenizer
    before, after = tokens(whole, test), tokens(trimmed, test)
    cells = [float(cell) for cell in table.rows[1][1:]]
    assert cells[:3] == pytest.approx(
        [before, after, 100 * (after / before - 1)], abs=0.06
    )
    # Three unknown words, whose space is a piece of its own.
    unknown = [3 / (one * len(test)) for one in (before, after)]
    assert cells[3:] == pytest.approx([100 * one for one in unknown], abs=0.006)
    assert cells[3] > cells[4] > 0


def test_a_whole_vocabulary_has_no_such_table(tmp_path: Path) -> None:
    experiment = prepare(make(tmp_path, vocabulary=None))
    assert vocabulary_tables(experiment) == []
    titles = [table.title for table in describe(experiment)]
    assert not any(title.startswith("Vocabulary") for title in titles)
