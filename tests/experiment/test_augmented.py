"""Augmented rows of an experiment: learnt from by every method, and told of."""

import dataclasses

import numpy as np
import pytest

from tests.corpora import NAMES, write_questions, write_tagged
from tests.experiments import tiny_config
from xlnas_jax.config.augment.pairs import OwnPairs
from xlnas_jax.config.augment.translators import (
    DictionaryTranslator,
    FileTranslator,
    PairWordsTranslator,
)
from xlnas_jax.config.augment.ways import BackTranslation, CodeSwitch
from xlnas_jax.config.data import CipherData, CldrData, SetData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import FileTranslations, IdTranslations
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data import sources
from xlnas_jax.data.cipher import make_cipher
from xlnas_jax.data.examples import Examples, QuestionExamples, TaggedExamples
from xlnas_jax.data.select import take
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.encoder import texts_of
from xlnas_jax.experiment.inspection import check_data
from xlnas_jax.experiment.pieces.counted import counted_texts
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.augmentation import augmentation_of, augmentation_tables
from xlnas_jax.types import ConfigError, LeakError

LANGUAGES = LanguagesConfig(
    source="en", aux_heldout=("sv",), target=("de",), unlabelled=("sv", "nl")
)
DISTANCE = 0.5
DATA = CipherData(
    {"en": 0.0, "sv": 0.6, "nl": DISTANCE, "de": 0.9}, base=CldrData(per_class=20)
)
# Names are of one word or two, and few words come again.
WORDS = PairWordsTranslator(OwnPairs(), least=2, min_count=1)
SWITCH = CodeSwitch(WORDS, languages=("nl",), rate=1.0, share=0.5)


def config(*ways, languages=LANGUAGES, method="finetune", **options):
    train = TrainConfig(method=method, augment=ways, **options)
    return tiny_config(languages=languages, data=DATA, train=train)


@pytest.fixture(scope="module")
def experiment():
    return prepare(config(SWITCH))


def added(experiment) -> tuple[Examples, Examples]:
    """Rows that were added, and what they are made of."""
    (part,) = experiment.parts
    plain = sources.read(part.source, part.roles, "en", "train", "train")
    found = sources.read_learnt(part.source, part.roles)
    assert isinstance(plain, Examples) and isinstance(found, Examples)
    by_id = {name: n for n, name in enumerate(plain.ids)}
    assert found.texts[: len(plain)] == plain.texts
    new = np.arange(len(plain), len(found))
    old = np.asarray([by_id[found.ids[n].removesuffix("+code_switch")] for n in new])
    return take(found, new), take(plain, old)


def test_half_as_many_rows_are_added_in_words_of_the_other_language(experiment) -> None:
    new, old = added(experiment)
    assert len(new) == 40
    assert (new.labels == old.labels).all()
    encipher = make_cipher("nl", DISTANCE).encipher
    pairs = [
        (one, other)
        for text, base in zip(new.texts, old.texts, strict=True)
        for one, other in zip(text.split(), base.split(), strict=True)
        if one != other
    ]
    assert len(pairs) >= 10
    right = sum(one == encipher(other) for one, other in pairs)
    assert right / len(pairs) >= 0.9


def test_they_are_rows_of_the_source_on_the_device_and_in_the_vocabulary(
    experiment,
) -> None:
    (part,) = experiment.parts
    (batches,) = training_rows(experiment)
    weight = np.concatenate([np.asarray(one.weight) for one in batches])
    language = np.concatenate([np.asarray(one.language) for one in batches])
    assert weight.sum() == 120 and not language.any()
    # As token ids each of them is there, as often as the text is learnt from.
    found = sources.read_learnt(part.source, part.roles).texts
    expected = sorted(tuple(one.ids) for one in part.tokenizer.encode(found))
    rows = sorted(
        tuple(tokens[:length])
        for one in batches
        for tokens, length in zip(
            np.asarray(one.tokens).tolist(), np.asarray(one.length), strict=True
        )
    )
    assert rows == expected
    texts = list(texts_of([(part.roles, part.source)]))
    assert set(found) <= set(texts)


def test_a_vocabulary_that_is_trimmed_keeps_their_pieces(experiment) -> None:
    (part,) = experiment.parts
    found = [(part.roles, part.source)]
    settings = VocabularyConfig()
    ((_, counted),) = counted_texts(experiment.config, {"en": "en"}, settings, found)
    learnt = sources.read_learnt(part.source, part.roles).texts
    assert set(learnt) <= set(counted)
    # Without, the words of the other language are not among them.
    plain = [(part.roles, part.source._replace(learnt=None))]
    ((_, before),) = counted_texts(experiment.config, {"en": "en"}, settings, plain)
    assert len(set(learnt) - set(before)) >= 10


def test_counts_are_shown_and_kept(experiment) -> None:
    (part,) = experiment.parts
    (table,) = augmentation_tables(part, "")
    ((kind, languages, by, counts),) = table.rows
    assert (kind, languages) == ("code_switch", "nl")
    assert "40 rows added" in counts and "words switched" in counts
    assert "rows of the same id" in by and "licence: " in by
    assert table.notes == ("120 rows of en are learnt from.",)
    (kept,) = augmentation_of(part)["augmented"]
    counts = kept["counts"]
    assert counts["rows added"] == 40
    assert counts["words switched"] == counts["words with a translation"]
    said: list[str] = []
    check_data(experiment, said.append)
    assert not any("augment" in line for line in said)


def test_without_augmentation_nothing_is_said(experiment) -> None:
    (part,) = experiment.parts
    plain = dataclasses.replace(part, source=part.source._replace(learnt=None))
    assert list(augmentation_tables(plain, "")) == []
    assert augmentation_of(plain) == {}


def test_fewer_rows_than_were_asked_for_are_told(tmp_path) -> None:
    plain = prepare(config(SWITCH)).parts[0]
    rows = sources.read(plain.source, plain.roles, "en", "train", "train")
    texts = rows.texts[:3]
    for name, line in (("en-nl", "{0}\tx {0}"), ("nl-en", "x {0}\tthe {0}")):
        lines = ["source\ttarget", *(line.format(text) for text in texts)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    translator = FileTranslator(f"{tmp_path}/{{source}}-{{target}}.tsv")
    experiment = prepare(config(BackTranslation(translator, languages=("nl",))))
    said: list[str] = []
    check_data(experiment, said.append)
    assert [line for line in said if "augment" in line] == [
        "train.augment[0] (back_translation): 3 of 80 rows were made "
        "(77 no translation)"
    ]
    (part,) = experiment.parts
    found = sources.read_learnt(part.source, part.roles)
    assert sorted(found.texts[80:]) == sorted(f"the {text}" for text in texts)


@pytest.mark.parametrize("kind", ["ids", "files"])
def test_added_rows_stand_beside_translations_of_the_plain_ones(kind, tmp_path) -> None:
    """Whatever is added, files go by the rows that the data set has."""
    places = {"ids": IdTranslations(languages=("nl",))}
    lines = "".join(f"zin {n}\n" for n in range(80))
    (tmp_path / "nl.txt").write_text(lines, "utf-8")
    places["files"] = FileTranslations(
        f"{tmp_path}/{{language}}.txt", languages=("nl",)
    )
    given = config(SWITCH, method="translate_train", translations=places[kind])
    experiment = prepare(given)
    (batches,) = training_rows(experiment)
    language = np.concatenate([np.asarray(one.language) for one in batches])
    every = experiment.parts[0].roles.every
    assert (language == every.index("en")).sum() == 120
    assert (language == every.index("nl")).sum() > 60


def test_a_target_is_switched_into_only_where_that_is_said() -> None:
    way = dataclasses.replace(SWITCH, languages=("de",))
    with pytest.raises(LeakError, match="may be translated into"):
        prepare(config(way))
    unlabelled = dataclasses.replace(LANGUAGES, unlabelled=("de",))
    with pytest.raises(ConfigError, match="target_text"):
        prepare(config(way, languages=unlabelled))
    allowed = dataclasses.replace(unlabelled, target_text=True)
    (part,) = prepare(config(way, languages=allowed)).parts
    (table,) = augmentation_tables(part, "")
    assert table.notes[-1] == "Text of targets is used (languages.target_text)."


@pytest.mark.parametrize("kind", ["names", "answers"])
def test_words_with_tags_and_answers_are_switched_too(kind: str, tmp_path) -> None:
    """All of them: what is labelled is a Dutch name, where a name was."""
    names = [*NAMES["LOC"], *NAMES["PER"]]
    lines = "".join(f"{name}\t{name}stad aan zee\n" for name in names)
    (tmp_path / "en-it.txt").write_text(lines, "utf-8")
    write = {"names": write_tagged, "answers": write_questions}[kind]
    name = {"names": "conll", "answers": "squad_like"}[kind]
    translator = DictionaryTranslator(f"{tmp_path}/{{source}}-{{target}}.txt", least=9)
    way = CodeSwitch(translator, rate=1.0, share=1.0, mode="replace")
    languages = LanguagesConfig("en", ("pt",), ("es",), unlabelled=("it",))
    given = tiny_config(
        languages=languages,
        data=SetData(name, path=str(write(tmp_path / "data"))),
        train=TrainConfig(method="finetune", augment=(way,)),
        space=SpaceConfig(heads=(1, 2), ffn=(8, 32)),
        tokens=TokensConfig(max_length=40, doc_stride=12, num_buckets=2),
    )
    experiment = prepare(given)
    (part,) = experiment.parts
    rows = sources.read_learnt(part.source, part.roles)
    assert training_rows(experiment)
    plain = sources.read(part.source, part.roles, "en", "train", "train")
    assert rows.ids == plain.ids
    if isinstance(rows, QuestionExamples):
        answers = [one for own in rows.answers for one in own]
        assert answers and all(one.text.endswith("stad aan zee") for one in answers)
    else:
        assert isinstance(rows, TaggedExamples)
        labels = part.source.labels
        found = {
            (labels[tag][:2], word)
            for words, tags in zip(rows.words, rows.tags, strict=True)
            for word, tag in zip(words, tags, strict=True)
            if labels[tag] != "O"
        }
        assert {word for start, word in found if start == "B-"} <= {
            f"{name}stad" for name in names
        }
        assert {word for start, word in found if start == "I-"} == {"aan", "zee"}
