"""Labelled text is read in the format of the model's kind, with its own labels."""

import dataclasses
import json

import pytest

from tests.experiments import tiny_config
from tests.export.conftest import LABELS, TAGS
from xlnas_jax.config.augment.translate_test import TranslateTestConfig
from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.export import labelled
from xlnas_jax.export.labelled import FileColumns, read_config, read_file
from xlnas_jax.types import ConfigError, DataError

TABLE = "words\tkind\nold river\tscript\nnew city\tterritory\nmany people\tscript\n"
COLUMNS = FileColumns(text="words", label="kind")
THEIRS = ("territory", "language", "script", "currency")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "names.tsv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(tiny_config()))
    return path


def test_a_file_is_read_by_its_columns(subnet, table):
    ((code, part),) = read_file(table, subnet, ("en",), COLUMNS).items()

    assert code == "en"
    assert part.texts == ("old river", "new city", "many people")
    assert [LABELS[i] for i in part.labels] == ["script", "territory", "script"]


def test_pairs_are_read_from_a_column_of_their_own(subnet, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "old", "other": "new", "label": "script"}\n')

    (part,) = read_file(path, subnet, columns=FileColumns(pair="other")).values()

    assert part.pairs == ("new",)


def test_a_missing_column_is_told_by_the_options(subnet, table):
    with pytest.raises(DataError, match=r"'text' must be there.*--text-column"):
        read_file(table, subnet)


def test_bad_rows_are_errors_unless_they_are_passed_over(subnet, table):
    table.write_text(TABLE + "\tscript\nof\tnothing\n")

    with pytest.raises(DataError, match=r"line 5.*must have a text"):
        read_file(table, subnet, ("en",), COLUMNS)
    (part,) = read_file(table, subnet, ("en",), COLUMNS, True).values()

    assert len(part) == 3
    assert part.report.rejected == {"empty text": 1, "unknown label": 1}


def test_a_file_is_in_one_language(subnet, table):
    with pytest.raises(DataError, match="a file is in one language; got en, fr"):
        read_file(table, subnet, ("en", "fr"), COLUMNS)


def test_a_file_of_tagged_words_is_read(tagger, tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("old O\nYork I-LOC\n\nAda B-PER\n")

    ((code, part),) = read_file(path, tagger).items()

    assert code == "und"
    assert part.words == (("old", "York"), ("Ada",))
    assert [TAGS[tag] for tag in part.tags[0]] == ["O", "B-LOC"]


def test_the_columns_of_tagged_words_can_be_chosen(tagger, tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("1 York B-LOC x\n")

    (part,) = read_file(path, tagger, columns=FileColumns(word=1, tag=2)).values()

    assert part.words == (("York",),)
    assert [TAGS[tag] for tag in part.tags[0]] == ["B-LOC"]


@pytest.mark.parametrize(
    ("suffix", "line"), [("iob2", "1\tYork\tB-LOC\t-\t-"), ("conllu", "1\tYork\t_\tO")]
)
def test_numbered_words_are_read_by_the_suffix(tagger, tmp_path, suffix, line):
    path = tmp_path / f"names.{suffix}"
    path.write_text(f"# sent_id = s1\n# text = York\n{line}\n")

    (part,) = read_file(path, tagger).values()

    assert part.ids == ("s1",)
    assert part.words == (("York",),)


def test_a_file_of_questions_is_read(reader, tmp_path):
    question = {
        "id": "q1",
        "question": "who",
        "answers": [{"text": "people", "answer_start": 4}],
    }
    paragraph = {"context": "old people walk", "qas": [question]}
    path = tmp_path / "questions.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))

    ((code, part),) = read_file(path, reader, ("sw",)).items()

    assert code == "sw" and part.context_language == "sw"
    assert part.questions == ("who",) and part.answers[0][0].text == "people"


def test_a_label_the_model_does_not_know_is_told(subnet, table, config):
    table.write_text(TABLE + "of\tcurrency\n")
    with pytest.raises(DataError, match=r"line 5.*'currency'"):
        read_file(table, subnet, ("en",), COLUMNS)
    with pytest.raises(DataError, match=r"\['currency'\]"):
        read_config(config, subnet)


def test_a_configuration_is_read_in_the_order_of_the_models_labels(tiny, config):
    one, other = (tiny.subnet(tiny.rows[1]) for _ in range(2))
    one.labels, other.labels = THEIRS, THEIRS[::-1]

    parts, turned = read_config(config, one), read_config(config, other)

    assert list(parts) == ["en", "fr", "pt", "it", "es", "ca"]
    for code, part in parts.items():
        names = [THEIRS[i] for i in part.labels]
        assert [other.labels[i] for i in turned[code].labels] == names
    assert list(read_config(config, one, ("es",))) == ["es"]


def test_texts_are_read_in_translation_where_it_is_asked_for(tiny, tmp_path, config):
    network = tiny.subnet(tiny.rows[1])
    network.labels = THEIRS
    with pytest.raises(ConfigError, match=r"must say in translate_test\.tr"):
        labelled.read_translated(config, network)
    (tmp_path / "es-en.txt").write_text("Honduras\tHonduria\nGranada\tGrenada\n")
    path = f"{tmp_path}/{{source}}-{{target}}.txt"
    given = TranslateTestConfig(DictionaryTranslator(path, least=1))
    own = dataclasses.replace(tiny_config(), translate_test=given)
    config.write_text(dump_config(own))

    parts, left = labelled.read_translated(config, network, ("en", "es"))

    plain = read_config(config, network, ("en", "es"))
    assert parts["en"].texts == plain["en"].texts
    told = dict(zip(plain["es"].texts, parts["es"].texts, strict=True))
    assert told["Granada"] == "Grenada" and told["Mongolia"] == "Mongolia"
    same = sum(one == other for one, other in told.items())
    assert left == {"es": {"untranslated": same}}
    assert list(parts["es"].labels) == list(plain["es"].labels)


def test_the_task_of_the_models_kind_is_found(tiny, tmp_path):
    base = tiny_config()
    task = TaskConfig(base.languages, base.data)
    path = tmp_path / "several.yaml"
    several = dataclasses.replace(
        base, languages=None, data=None, tasks={"one": task, "two": task}
    )
    path.write_text(dump_config(several))
    network = tiny.subnet(tiny.rows[1])
    network.labels = THEIRS

    with pytest.raises(ConfigError, match=r"--task: must name one.*one, two"):
        read_config(path, network)
    with pytest.raises(ConfigError, match=r"--task: .*got 'three'.*one, two"):
        read_config(path, network, task="three")

    assert list(read_config(path, network, ("es",), "two")) == ["es"]


def test_a_configuration_of_another_kind_is_refused(tagger, config):
    with pytest.raises(ConfigError, match="a task of the model's kind, tagging"):
        read_config(config, tagger)


def test_auxiliary_dev_splits_alone_are_read_to_choose_by(tiny, tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(tiny_config()))
    subnet = tiny.subnet(tiny.rows[1])
    subnet.labels = tuple(sorted(THEIRS))
    asked = []
    read = labelled.read

    def watched(source, roles, code, split, phase):
        asked.append((code, split, phase))
        return read(source, roles, code, split, phase)

    monkeypatch.setattr(labelled, "read", watched)
    parts = labelled.read_auxiliary(path, subnet)

    assert list(parts) == ["pt", "it"]
    assert asked == [("pt", "dev", "select"), ("it", "dev", "select")]
    with pytest.raises(ConfigError, match="must be a configuration"):
        labelled.read_auxiliary(tmp_path / "gold.tsv", subnet)
