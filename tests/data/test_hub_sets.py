"""Named data sets from the hub: the same examples as from files, offline."""

from pathlib import Path

import pytest

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import Answer, Examples, QuestionExamples, TaggedExamples
from xlnas_jax.data.hub_sets import make_hub_set_source
from xlnas_jax.data.sets.base import Columns, DataSet, Hub, Squad, Table
from xlnas_jax.data.sets.registry import all_sets, find
from xlnas_jax.types import ConfigError, DataError

datasets = pytest.importorskip("datasets")

TAGS = ["O", "B-PER", "I-PER", "B-DATE", "I-DATE"]
ANSWERS = {"text": ["Jill"], "answer_start": [0]}


@pytest.fixture(autouse=True)
def offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Not below `tmp_path`: `datasets` would take the cache for data.
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def publish(root: Path, config: str, split: str, columns: dict, **features) -> None:
    """Write one split of one configuration as the hub has it, features included."""
    table = datasets.Dataset.from_dict(columns)
    for column, feature in features.items():
        table = table.cast_column(column, feature)
    (root / config).mkdir(parents=True, exist_ok=True)
    table.to_parquet(str(root / config / f"{split}-00000-of-00001.parquet"))
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    configs = "".join(f"- config_name: {n}\n  data_dir: {n}\n" for n in names)
    (root / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")


def entailment(root: Path, **changes) -> DataSet:
    hub = Hub(str(root), columns={"text": "premise", "pair": "hypothesis"})
    return DataSet(
        "invented",
        "classification",
        "t",
        "https://origin.example",
        "p",
        "CC0",
        Table(text="a", pair="b", label="gold"),
        labels=("contradiction", "entailment"),
        **({"hub": hub} | changes),
    )


def publish_pairs(root: Path, config: str, split: str, rows: list[tuple]) -> None:
    names = datasets.ClassLabel(names=["entailment", "contradiction"])
    premise, hypothesis, label = map(list, zip(*rows, strict=True))
    columns = {"premise": premise, "hypothesis": hypothesis, "label": label}
    publish(root, config, split, columns, label=names)


def test_pairs_get_the_labels_of_the_data_set(tmp_path: Path) -> None:
    rows = [("a", "b", 0), ("c", "d", 1)]
    for code in ("en", "deu_Latn"):
        publish_pairs(tmp_path, code, "validation", rows)
    source = make_hub_set_source(entailment(tmp_path), SetData("invented"), "en", False)
    german = source.read("de", "dev")
    assert isinstance(german, Examples)
    assert source.languages() == ("de", "en")
    assert (source.task, source.licence) == ("classification", "CC0")
    assert source.labels == ("contradiction", "entailment")  # the data set's order
    assert german.labels.tolist() == [1, 0]
    assert (german.texts, german.pairs) == (("a", "c"), ("b", "d"))
    assert german.ids == ("0", "1")


def test_a_label_that_is_kept_back_is_told_or_passed_over(tmp_path: Path) -> None:
    publish_pairs(tmp_path, "en", "test", [("a", "b", 0), ("c", "d", -1)])
    data_set = entailment(tmp_path)
    with pytest.raises(DataError, match=r"row 1.*'-1'"):
        make_hub_set_source(data_set, SetData("invented"), "en", False).read(
            "en", "test"
        )
    examples = make_hub_set_source(data_set, SetData("invented"), "en", True).read(
        "en", "test"
    )
    assert examples.report.rejected == {"unknown label": 1}
    assert (examples.report.rows, examples.report.kept) == (2, 1)


def test_a_spelling_of_the_hub_is_renamed(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "label": ["1", "contradictory"], "key": [7, 8]}
    publish(tmp_path, "en", "test", columns)
    hub = Hub(
        str(tmp_path),
        columns={"id": "key"},
        labels={"1": "entailment", "contradictory": "contradiction"},
    )
    source = make_hub_set_source(
        entailment(tmp_path, hub=hub), SetData("invented"), "en", False
    )
    examples = source.read("en", "test")
    assert isinstance(examples, Examples)
    assert examples.labels.tolist() == [1, 0]
    assert examples.ids == ("7", "8")
    assert examples.pairs is None


def test_limits_and_splits_and_languages_are_honoured(tmp_path: Path) -> None:
    rows = [(f"a{i}", "b", i % 2) for i in range(9)]
    for code in ("en", "de", "fr"):
        publish_pairs(tmp_path, code, "test", rows)
    config = SetData(
        "invented", limit={"test": 4}, splits=("test",), languages=("deu", "fr")
    )
    source = make_hub_set_source(entailment(tmp_path), config, "de", False)
    german, french = source.read("de", "test"), source.read("fr", "test")
    assert source.languages() == ("de", "fr")
    assert len(german) == 4
    assert german.ids == french.ids
    assert german.report.limited == 5
    with pytest.raises(DataError, match=r"English.*nearest"):
        source.read("en", "test")
    with pytest.raises(DataError, match=r"split 'dev'; got \['test'\]"):
        source.read("de", "dev")


def tagged(root: Path, **changes) -> DataSet:
    fields = {"labels": ("PER", "DATE"), "hub": Hub(str(root)), "format": Columns()}
    return DataSet(
        "invented", "tagging", "t", "https://x", "p", "l", **(fields | changes)
    )


@pytest.fixture
def names(tmp_path: Path) -> Path:
    columns = {
        "tokens": [["Jill", "Doe", "fell"], ["May"]],
        "ner_tags": [[1, 2, 0], [3]],
    }
    kinds = datasets.Sequence(datasets.ClassLabel(names=TAGS))
    for split in ("train", "test"):
        publish(tmp_path, "en", split, columns, ner_tags=kinds)
    return tmp_path


def test_declared_tags_become_ours(names: Path) -> None:
    source = make_hub_set_source(tagged(names), SetData("invented"), "en", False)
    examples = source.read("en", "test")
    assert isinstance(examples, TaggedExamples)
    assert source.labels == ("O", "B-DATE", "I-DATE", "B-PER", "I-PER")
    assert examples.words == (("Jill", "Doe", "fell"), ("May",))
    assert [tags.tolist() for tags in examples.tags] == [[3, 4, 0], [1]]


def test_types_can_be_mapped_and_learned(names: Path) -> None:
    config = SetData("invented", map={"DATE": "O"})
    source = make_hub_set_source(tagged(names, labels=()), config, "en", False)
    examples = source.read("en", "test")
    assert isinstance(examples, TaggedExamples)
    assert source.labels == ("O", "B-PER", "I-PER")
    assert [tags.tolist() for tags in examples.tags] == [[1, 2, 0], [0]]


def test_plain_tags_are_labels_by_themselves(tmp_path: Path) -> None:
    columns = {"form": [["a", "dog"]], "upos": [["DET", "NOUN"]]}
    publish(tmp_path, "en", "train", columns)
    hub = Hub(str(tmp_path), columns={"words": "form", "tags": "upos"})
    data_set = tagged(tmp_path, labels=(), hub=hub, format=Columns(scheme="plain"))
    source = make_hub_set_source(data_set, SetData("invented"), "en", False)
    examples = source.read("en", "train")
    assert isinstance(examples, TaggedExamples)
    assert source.labels == ("DET", "NOUN")
    assert examples.tags[0].tolist() == [0, 1]


def test_a_sentence_with_too_few_tags_is_told_or_passed_over(tmp_path: Path) -> None:
    columns = {"tokens": [["a", "b"], ["c"]], "ner_tags": [["O"], ["O"]]}
    publish(tmp_path, "en", "test", columns)
    with pytest.raises(DataError, match=r"row 0.*\['tokens', 'ner_tags'\]"):
        make_hub_set_source(tagged(tmp_path), SetData("invented"), "en", False).read(
            "en", "test"
        )
    source = make_hub_set_source(tagged(tmp_path), SetData("invented"), "en", True)
    report = source.read("en", "test").report
    assert (report.rows, report.kept) == (2, 1)
    assert report.rejected == {"malformed row": 1}


def asked(root: Path, **changes) -> DataSet:
    fields = {"hub": Hub(str(root), columns={"id": "id"})}
    return DataSet(
        "invented", "qa", "t", "https://x", "p", "l", Squad(), **(fields | changes)
    )


def test_questions_have_their_answers_checked(tmp_path: Path) -> None:
    columns = {
        "id": ["a", "b"],
        "question": ["Who?", "Who?"],
        "context": ["Jill fell", " Jill"],
        "answers": [ANSWERS, ANSWERS],
    }
    publish(tmp_path, "en", "test", columns)
    source = make_hub_set_source(asked(tmp_path), SetData("invented"), "en", False)
    examples = source.read("en", "test")
    assert isinstance(examples, QuestionExamples)
    assert examples.ids == ("a", "b")
    assert examples.answers == ((Answer("Jill", 0),), (Answer("Jill", 1),))
    assert examples.report.notes == {"answer offset corrected": 1}
    assert examples.context_language == "en"


def test_answers_may_be_a_list_of_dictionaries(tmp_path: Path) -> None:
    answers = [
        [{"text": "Jill", "answer_start": 0}, {"text": "fell", "answer_start": 5}]
    ]
    columns = {
        "id": [1],
        "question": ["Who?"],
        "context": ["Jill fell"],
        "answers": answers,
    }
    publish(tmp_path, "en", "test", columns)
    source = make_hub_set_source(asked(tmp_path), SetData("invented"), "en", False)
    examples = source.read("en", "test")
    assert isinstance(examples, QuestionExamples)
    assert examples.answers == ((Answer("Jill", 0), Answer("fell", 5)),)


def test_one_configuration_may_hold_all_languages(tmp_path: Path) -> None:
    columns = {
        "id": ["english-1", "swahili-1", "swahili-2"],
        "question": ["Who?", "Nani?", "Nani?"],
        "context": ["Jill fell"] * 3,
        "answers": [ANSWERS] * 3,
    }
    publish(tmp_path, "secondary_task", "validation", columns)
    hub = find("tydiqa_goldp").hub
    assert hub is not None
    local = Hub(str(tmp_path), hub.config, hub.names, hub.splits, hub.columns)
    config = SetData("tydiqa_goldp", languages=("en", "sw"))
    source = make_hub_set_source(asked(tmp_path, hub=local), config, "en", False)
    assert source.languages() == ("en", "sw")
    assert source.read("sw", "test").ids == ("swahili-1", "swahili-2")
    assert source.read("en", "dev").ids == ("english-1",)


def test_a_question_without_answer_is_told(tmp_path: Path) -> None:
    columns = {
        "id": ["a", "b"],
        "question": ["Who?", "Who?"],
        "context": ["Jill fell", "Jack"],
        "answers": [ANSWERS, ANSWERS],
    }
    publish(tmp_path, "en", "test", columns)
    source = make_hub_set_source(asked(tmp_path), SetData("invented"), "en", False)
    with pytest.raises(DataError, match=r"row 1 \('b'\).*'Jill' at 0"):
        source.read("en", "test")


def test_a_column_that_is_gone_names_those_there_are(tmp_path: Path) -> None:
    publish(tmp_path, "en", "test", {"sentence": ["a"], "label": ["entailment"]})
    source = make_hub_set_source(entailment(tmp_path), SetData("invented"), "en", False)
    with pytest.raises(DataError, match=r"'premise'.*\['sentence', 'label'\].*files"):
        source.read("en", "test")


def test_a_language_or_network_that_is_not_there_is_told(tmp_path: Path) -> None:
    publish_pairs(tmp_path, "nb", "test", [("a", "b", 0)])
    config = SetData("invented", languages=("nn",))
    source = make_hub_set_source(entailment(tmp_path), config, "nn", False)
    with pytest.raises(DataError, match=r"Norwegian Nynorsk.*nearest of which are nb"):
        source.languages()
    away = entailment(tmp_path, hub=Hub("nobody/no-such-data"))
    with pytest.raises(DataError, match="network"):
        make_hub_set_source(away, SetData("invented"), "en", False).languages()


def test_a_set_without_hub_needs_its_files(tmp_path: Path) -> None:
    data_set = entailment(tmp_path, hub=None)
    with pytest.raises(ConfigError, match=r"folder.*https://origin\.example"):
        make_hub_set_source(data_set, SetData("invented"), "en", False)


def test_hub_entries_name_columns_of_their_task() -> None:
    known = {
        "classification": {"text", "pair", "label", "id", "language"},
        "tagging": {"words", "tags", "id", "language"},
        "qa": {"question", "context", "answers", "id", "language"},
    }
    for data_set in all_sets().values():
        if data_set.hub is not None:
            assert set(data_set.hub.columns) <= known[data_set.task]
            pattern = data_set.hub.config
            assert "{language}" in pattern or data_set.hub.names
