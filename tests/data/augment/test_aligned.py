"""Tags where aligned words are, or a sentence that is left out and counted."""

import json
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import AlignedTranslations
from xlnas_jax.data.augment.aligned import (
    APART,
    NOTHING,
    UNALIGNED,
    aligned_tags,
    read_aligned,
)
from xlnas_jax.data.examples import TaggedExamples
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError, LeakError

LABELS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
ROLES = LanguageRoles.from_config(
    LanguagesConfig("en", ("fr",), ("sw",), unlabelled=("nl",))
)
ROWS = TaggedExamples(
    *("en", "train", ("a", "b", "c")),
    (("Ada", "saw", "New", "York"), ("in", "Rome"), ("nobody", "came")),
    (np.asarray([3, 0, 1, 2]), np.asarray([0, 1]), np.asarray([0, 0])),
)


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ({(0, 0), (1, 1), (2, 2), (3, 3)}, [3, 0, 1, 2]),
        # In another order, with a word between that stands for nothing.
        ({(0, 3), (2, 0), (3, 2)}, [1, 2, 2, 3]),
        # Two words for one, one for two.
        ({(0, 0), (0, 1), (2, 3), (3, 3)}, [3, 4, 0, 1]),
        ({(1, 1), (2, 2), (3, 3)}, UNALIGNED),
        # What stands between is of something else.
        ({(0, 0), (2, 1), (1, 2), (3, 3)}, APART),
        # Two entities in one place.
        ({(0, 1), (2, 1), (3, 2)}, APART),
    ],
    ids=str,
)
def test_tags_follow_their_words(pairs, found) -> None:
    tags, reason = aligned_tags([3, 0, 1, 2], LABELS, pairs, 4)
    assert (tags if tags is not None else reason) == found


def test_what_a_label_set_cannot_say_is_left_out() -> None:
    assert aligned_tags([1], ("O", "B-X"), {(0, 0), (0, 1)}, 2) == (None, APART)
    # Of entities that begin with I the first has B where there is one.
    assert aligned_tags([2], LABELS, {(0, 0)}, 1)[0] == [1]


def by_spelling(ours, theirs):
    """Words with the same first letter, however it is written."""
    return [
        {
            (a, b)
            for a, one in enumerate(own)
            for b, other in enumerate(their)
            if one[0].lower() == other[0].lower()
        }
        for own, their in zip(ours, theirs, strict=True)
    ]


def read(folder: Path, rows, languages=("nl",), skip: bool = False):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "nl.jsonl").write_text(text, "utf-8")
    given = AlignedTranslations(f"{folder}/{{language}}.jsonl", languages=languages)
    (found,) = read_aligned(given, LABELS, ROLES, ROWS, by_spelling, skip)
    return found


def test_sentences_are_read_and_what_has_no_place_is_counted(tmp_path) -> None:
    found = read(
        tmp_path,
        [
            {"id": "b", "text": "Rimini, immer."},
            {"id": "a", "words": "zag Ada Nieuw Ypern"},
            {"id": "c", "text": ""},
        ],
    )
    assert found.language == "nl" and found.ids == ("b", "a")
    assert found.words == (
        ("Rimini", ",", "immer", "."),
        ("zag", "Ada", "Nieuw", "Ypern"),
    )
    assert [one.tolist() for one in found.tags] == [[1, 0, 0, 0], [0, 3, 1, 2]]
    assert found.report.notes == {NOTHING: 1}
    assert (found.report.rows, found.report.kept) == (3, 2)


def test_a_sentence_without_place_for_its_entity_is_left_out(tmp_path) -> None:
    rows = [{"id": "a", "text": "Ada zag"}, {"id": "b", "text": "in Rome"}]
    found = read(tmp_path, rows)
    assert found.ids == ("b",)
    assert found.report.notes == {UNALIGNED: 1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a", "text": "niets"}], "into at least one translation.*UNALIGNED"),
        ([{"id": "x", "text": "in Rome"}], "every id must be that of one training row"),
        ([{"id": "b"}], "every row must have id and text, or words"),
    ],
    ids=["none", "unknown", "no text"],
)
def test_what_is_of_no_use_is_refused(tmp_path, rows, message) -> None:
    with pytest.raises(DataError, match=message.replace("UNALIGNED", "aligned to")):
        read(tmp_path, rows)


def test_no_target_is_translated_into(tmp_path) -> None:
    with pytest.raises(LeakError):
        read(tmp_path, [], languages=("sw",))
