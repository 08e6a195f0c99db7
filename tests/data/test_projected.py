"""Labelled translations of words and questions: what is found, and what is not."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import FileTranslations
from xlnas_jax.data.examples import Answer, QuestionExamples, TaggedExamples
from xlnas_jax.data.projected import (
    NO_ANSWER,
    NOTHING,
    OTHER_ENTITIES,
    Projected,
    read_projected,
    without_known,
)
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError, LeakError

ROLES = LanguageRoles.from_config(
    LanguagesConfig("en", ("fr",), ("sw",), aux_train=("it",), unlabelled=("nl",))
)
TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def tagged(words: Sequence[str], tags: Sequence[str]) -> TaggedExamples:
    split = tuple(tuple(one.split()) for one in words)
    ids = tuple(np.asarray([TAGS.index(t) for t in one.split()]) for one in tags)
    return TaggedExamples("en", "train", tuple("abcd"[: len(words)]), split, ids)


SENTENCES = tagged(
    ["Ada saw Rome", "New York waits", "nobody came"],
    ["B-PER O B-LOC", "B-LOC I-LOC O", "O O"],
)
QUESTIONS = QuestionExamples(
    *("en", "en", "train", ("a", "b", "c")),
    ("who", "where", "when"),
    ("Ada came", "in Rome", "on Monday"),
    ((Answer("Ada", 0),), (Answer("Rome", 3),), (Answer("Monday", 3),)),
)


def read(
    folder: Path,
    rows: Sequence[Mapping[str, object]],
    of: Projected,
    language: str = "it",
    skip: bool = False,
) -> Projected:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{language}.jsonl").write_text(text, "utf-8")
    given = FileTranslations(f"{folder}/{{language}}.jsonl", languages=(language,))
    labels = TAGS if isinstance(of, TaggedExamples) else ()
    (found,) = read_projected(given, labels, ROLES, of, skip)
    return found


def test_tags_come_with_words_whose_order_may_be_another(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            {"id": "b", "words": "attende New York", "tags": "O B-LOC I-LOC"},
            {"id": "a", "words": ["Roma", "vide", "Ada"], "tags": "B-LOC O B-PER"},
        ],
        SENTENCES,
    )
    assert isinstance(found, TaggedExamples)
    assert found.language == "it" and found.ids == ("b", "a")
    assert found.words == (("attende", "New", "York"), ("Roma", "vide", "Ada"))
    assert [one.tolist() for one in found.tags] == [[0, 1, 2], [1, 0, 3]]
    assert (found.report.rows, found.report.kept) == (2, 2)


def test_entities_that_were_lost_or_changed_are_left_out_and_counted(tmp_path) -> None:
    found = read(
        tmp_path,
        [
            {"id": "a", "words": "Ada vide Roma", "tags": "B-PER O O"},
            {"id": "b", "words": "New e York", "tags": "B-LOC O B-LOC"},
            {"id": "c", "words": "nessuno", "tags": "O"},
        ],
        SENTENCES,
    )
    assert found.ids == ("c",)
    assert found.report.notes == {OTHER_ENTITIES: 2}


def test_an_entity_that_begins_with_i_counts_as_one(tmp_path: Path) -> None:
    rows = [{"id": "b", "words": "New York attende", "tags": "I-LOC I-LOC O"}]
    assert read(tmp_path, rows, SENTENCES).ids == ("b",)


def test_a_table_has_spaces_between_words(tmp_path: Path) -> None:
    text = "id\twords\ttags\nc\tniemand kwam\tO O\na\t\t\n"
    (tmp_path / "nl.tsv").write_text(text, "utf-8")
    given = FileTranslations(f"{tmp_path}/{{language}}.tsv", languages=("nl",))
    (found,) = read_projected(given, TAGS, ROLES, SENTENCES)
    assert found.ids == ("c",) and found.report.notes == {NOTHING: 1}


def test_an_answer_is_where_it_stands_once_or_at_its_offset(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            {"id": "a", "question": "chi", "context": "venne Ada", "answer": "Ada"},
            {
                **{"id": "b", "question": "dove", "context": "Roma, a Roma"},
                **{"answer": "Roma", "start": 8},
            },
        ],
        QUESTIONS,
    )
    assert isinstance(found, QuestionExamples)
    assert found.answers == ((Answer("Ada", 6),), (Answer("Roma", 8),))
    for context, (answer,) in zip(found.contexts, found.answers, strict=True):
        assert context[answer.start :].startswith(answer.text)
    assert found.questions == ("chi", "dove") and found.context_language == "it"


@pytest.mark.parametrize(
    ("context", "answer"),
    [("Roma, a Roma", "Roma"), ("a Parigi", "Roma"), ("a Roma", ""), ("Romano", "Rom")],
)
def test_an_answer_that_cannot_be_placed_is_left_out_and_counted(
    tmp_path: Path, context: str, answer: str
) -> None:
    rows = [
        {"id": "a", "question": "chi", "context": "venne Ada", "answer": "Ada"},
        {"id": "b", "question": "dove", "context": context, "answer": answer},
    ]
    found = read(tmp_path, rows, QUESTIONS)
    assert found.ids == ("a",)
    assert found.report.notes == {NO_ANSWER: 1}
    assert (found.report.rows, found.report.kept) == (2, 1)


@pytest.mark.parametrize(
    ("of", "row", "message"),
    [
        (SENTENCES, {"id": "a", "words": "x y", "tags": "O"}, "as many tags as words"),
        (SENTENCES, {"id": "a", "words": "x"}, "as many tags as words"),
        (SENTENCES, {"id": "a", "words": "x", "tags": "B-ORG"}, "one of .*B-ORG"),
        (SENTENCES, {"id": "z", "words": "x", "tags": "O"}, "'z', which is none"),
        (QUESTIONS, {"id": "a", "question": "x"}, "question, context and answer"),
        (
            QUESTIONS,
            {"id": "a", "question": "x", "context": "y", "answer": "y", "start": "no"},
            "a whole number",
        ),
    ],
)
def test_a_faulty_row_is_named_or_passed_over(tmp_path, of, row, message) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, [row], of)
    sound = {
        **{"id": "c", "words": "nessuno", "tags": "O"},
        **{"question": "quando", "context": "lunedi", "answer": "lunedi"},
    }
    found = read(tmp_path, [row, sound], of, skip=True)
    assert found.ids == ("c",) and sum(found.report.rejected.values()) == 1


def test_lines_without_labels_and_files_without_rows_are_refused(tmp_path) -> None:
    (tmp_path / "it.txt").write_text("uno\ndue\ntre\n", "utf-8")
    given = FileTranslations(f"{tmp_path}/{{language}}.txt", languages=("it",))
    with pytest.raises(DataError, match="must have labels"):
        read_projected(given, TAGS, ROLES, SENTENCES)
    with pytest.raises(DataError, match=r"must have a labelled translation.*1"):
        read(tmp_path, [{"id": "a", "words": "", "tags": ""}], SENTENCES)


def test_targets_are_not_translated_into(tmp_path: Path) -> None:
    rows = [{"id": "c", "words": "personne", "tags": "O"}]
    with pytest.raises(LeakError, match="may be translated into"):
        read(tmp_path, rows, SENTENCES, language="sw")


def test_what_is_a_row_already_is_not_learnt_from_twice(tmp_path: Path) -> None:
    rows = [
        {"id": "c", "words": "nessuno venne", "tags": "O O"},
        {"id": "b", "words": "New York attende", "tags": "B-LOC I-LOC O"},
    ]
    found = read(tmp_path, rows, SENTENCES)
    there = tagged(["nessuno venne"], ["O O"])
    assert without_known(found, [there]).ids == ("c", "b")  # of another language
    own = TaggedExamples("it", "train", ("x",), there.words, there.tags)
    assert without_known(found, [there, own]).ids == ("b",)
