"""Translations of an experiment's training rows: whose, and what is refused."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.export.tasks import three_tasks
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CipherData, CldrData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import (
    AlignedTranslations,
    FileTranslations,
    IdTranslations,
)
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data import sources
from xlnas_jax.data.examples import Source, TaggedExamples
from xlnas_jax.data.projected import NO_ANSWER
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.inspection import inspect_data
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.translations import translated
from xlnas_jax.experiment.translations.translated import require_translatable
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.results.texts import make_translation_table
from xlnas_jax.tasks.registry import make_task
from xlnas_jax.types import Batch, ConfigError, DataError

LANGUAGES = LanguagesConfig(
    source="en", aux_heldout=("sv",), target=("de",), unlabelled=("sv", "nl")
)
DATA = CipherData(
    {"en": 0.0, "sv": 0.6, "nl": 0.5, "de": 0.9}, base=CldrData(per_class=5)
)
TRAIN = TrainConfig(method="translate_train", translations=IdTranslations())


def config(**changes: object) -> Config:
    given = {"languages": LANGUAGES, "data": DATA, "train": TRAIN, **changes}
    return tiny_config(**given)


def joined(rows: tuple[Batch, ...], name: str) -> np.ndarray:
    return np.concatenate([np.asarray(getattr(one, name)) for one in rows])


def test_every_row_is_learnt_from_in_every_language_with_its_own_label() -> None:
    experiment = prepare(config())
    (rows,) = training_rows(experiment)
    language, label = joined(rows, "language"), joined(rows, "label")
    every = experiment.parts[0].roles.every
    assert every == ("en", "sv", "de", "nl")
    counts = [label[language == n].tolist() for n in range(4)]
    assert sorted(counts[0]) == sorted(counts[1]) == sorted(counts[3])
    assert len(counts[0]) == 20 and not counts[2]  # the target takes no part


def test_labels_of_the_other_languages_change_nothing(monkeypatch) -> None:
    """Wrong ones in their files leave all arrays as they are."""
    plain = training_rows(prepare(config()))
    made = sources.make_cipher_source

    def spoilt(config: CipherData, base: Source) -> Source:
        source = made(config, base)

        def read(language: str, split):
            found = source.read(language, split)
            wrong = (found.labels + 1) % 4
            return (
                found if language == "en" else dataclasses.replace(found, labels=wrong)
            )

        return source._replace(read=read)

    monkeypatch.setattr(sources, "make_cipher_source", spoilt)
    again = training_rows(prepare(config()))
    pairs = zip(jax.tree.leaves(plain), jax.tree.leaves(again), strict=True)
    assert all((one == other).all() for one, other in pairs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": TrainConfig(method="translate_train")}, "learns from translations"),
        (
            {"train": dataclasses.replace(TRAIN, method="finetune")},
            r"train\.translations: must be of use",
        ),
        (
            {"languages": dataclasses.replace(LANGUAGES, unlabelled=())},
            "must be a language to translate into",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(config(**changes))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (TRAIN, r"of tagging they must be files.*got kind ids"),
        (
            TrainConfig(method="filter", translations=FileTranslations("{language}.x")),
            r"filter holds what is said.*same places.*of tagging",
        ),
        (
            TrainConfig(method="mixup", translations=IdTranslations()),
            r"mixup holds what is said.*only classified sentences allow",
        ),
    ],
)
def test_labels_of_words_and_spans_must_come_with_translations(
    monkeypatch, train: TrainConfig, message: str
) -> None:
    tagging = make_task("tagging", ("O", "B-X", "I-X"), 16)
    monkeypatch.setattr("xlnas_jax.experiment.prepare.make_task", lambda *_: tagging)
    one = dataclasses.replace(config().space, pooling=("mean",))
    with pytest.raises(ConfigError, match=message):
        prepare(config(space=one, train=train))


def test_a_faulty_file_is_found_before_the_search(tmp_path) -> None:
    (tmp_path / "nl.txt").write_text("een\n", "utf-8")
    place = FileTranslations(f"{tmp_path}/{{language}}.txt", languages=("nl",))
    experiment = prepare(config(train=dataclasses.replace(TRAIN, translations=place)))
    with pytest.raises(DataError, match="of which there are 20; got 1 lines"):
        inspect_data(experiment)


def test_a_language_may_have_nothing_but_translations(tmp_path) -> None:
    """No split of it, and no other text: all of it is said by a translator."""
    lines = "".join(f"lause {n}\n" for n in range(20))
    (tmp_path / "fi.txt").write_text(lines, "utf-8")
    place = FileTranslations(f"{tmp_path}/{{language}}.txt")
    languages = dataclasses.replace(LANGUAGES, unlabelled=("fi",))
    train = dataclasses.replace(TRAIN, translations=place)
    experiment = prepare(config(train=train, languages=languages))
    assert inspect_data(experiment)
    (rows,) = training_rows(experiment)
    finnish = experiment.parts[0].roles.every.index("fi")
    assert (joined(rows, "language") == finnish).sum() == 20


def labelled(folder: Path, kind: str, rows: list[dict]) -> Experiment:
    """An experiment on one task whose translations come with labels."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "nl.jsonl").write_text(text, "utf-8")
    place = FileTranslations(f"{folder}/{{language}}.jsonl", languages=("nl",))
    base = three_tasks()
    (part,) = [one for one in base.parts if one.task.kind == kind]
    languages = dataclasses.replace(part.config.languages, unlabelled=("nl",))
    part = dataclasses.replace(
        part,
        roles=LanguageRoles.from_config(languages),
        codes={**part.codes, "nl": "nl"},
    )
    train = dataclasses.replace(base.config.train, translations=place)
    train = dataclasses.replace(train, method="translate_train")
    config = dataclasses.replace(base.config, train=train)
    require_translatable(config, [part])
    return dataclasses.replace(base, config=config, parts=(part,))


def test_translated_words_are_learnt_from_with_their_own_tags(tmp_path) -> None:
    plain = dataclasses.replace(three_tasks(), parts=three_tasks().parts[1:2])
    source = plain.parts[0].source.read("en", "train")
    first = next(n for n, tags in enumerate(source.tags) if tags.sum() == 1)
    rows = [
        {"id": str(first), "words": "old walk city", "tags": "O O B-LOC"},
        {"id": "19" if first != 19 else "18", "words": "x", "tags": "O B-LOC"},
    ]
    with pytest.raises(DataError, match="as many tags as words"):
        training_rows(labelled(tmp_path, "tagging", rows))
    experiment = labelled(tmp_path, "tagging", rows[:1])
    (part,) = experiment.parts
    (found,), (before,) = training_rows(experiment), training_rows(plain)
    count = [sum(len(one.language) for one in own) for own in (found, before)]
    assert count[0] == count[1] + 1
    number = part.roles.every.index("nl")
    ((bucket, at),) = [
        (bucket, at)
        for bucket in found
        for at in np.flatnonzero(np.asarray(bucket.language) == number)
    ]
    label = bucket.label
    tags, places = (np.asarray(one)[at] for one in (label.tag, label.position))
    assert tags[:3].tolist() == [0, 0, 1] and (places[:3] >= 0).all()
    assert np.asarray(bucket.head)[at] == -1  # it has no output layer of its own


def of_words(experiment, part, sentences, layer) -> list[np.ndarray]:
    """Of sentences, then of the same backwards: a word and itself have one vector."""
    assert layer == 1  # of two, two thirds
    half = len(sentences) // 2
    every = [np.eye(16)[: len(words)] for words in sentences]
    return [*every[:half], *(one[::-1] for one in every[half:])]


def test_tags_are_projected_by_the_vectors_of_words(tmp_path, monkeypatch) -> None:
    base = three_tasks()
    (part,) = [one for one in base.parts if one.task.kind == "tagging"]
    source = part.source.read("en", "train")
    assert any(tags.sum() for tags in source.tags)
    backwards = [words[::-1] for words in source.words]
    lines = [
        {"id": name, "words": [*map(str, words)]}
        for name, words in zip(source.ids, backwards, strict=True)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "nl.jsonl").write_text(text, "utf-8")
    place = AlignedTranslations(f"{tmp_path}/{{language}}.jsonl", languages=("nl",))
    languages = dataclasses.replace(part.config.languages, unlabelled=("nl",))
    roles = LanguageRoles.from_config(languages)
    part = dataclasses.replace(part, roles=roles, codes={**part.codes, "nl": "nl"})
    train = dataclasses.replace(
        base.config.train, translations=place, method="translate_train"
    )
    with pytest.raises(ConfigError, match="compares words by a pretrained encoder"):
        require_translatable(dataclasses.replace(base.config, train=train), [part])
    model = PretrainedModel("x")
    config = dataclasses.replace(base.config, train=train, model=model)
    require_translatable(config, [part])
    experiment = dataclasses.replace(base, config=config, parts=(part,))
    monkeypatch.setattr(translated, "word_vectors", of_words)

    (found,) = translated.projected_of(experiment, part, [source])

    assert isinstance(found, TaggedExamples) and found.report.notes == {}
    assert found.ids == source.ids and [*found.words] == backwards
    labels = part.source.labels
    for tags, own in zip(source.tags, found.tags, strict=True):
        # Of an entity of two words the first one there begins it.
        kinds = [labels[n][2:] for n in tags.tolist()[::-1]]
        assert [labels[n][2:] for n in own.tolist()] == kinds
        begun = [sum(labels[n][0] == "B" for n in one.tolist()) for one in (tags, own)]
        assert begun[0] == begun[1]
    with pytest.raises(ConfigError, match="layer: must be one of the encoder's 2"):
        deep = dataclasses.replace(place, layer=3)
        own = dataclasses.replace(train, translations=deep)
        config = dataclasses.replace(config, train=own)
        other = dataclasses.replace(experiment, config=config)
        translated.projected_of(other, part, [source])


@pytest.mark.parametrize("kind", ["classification", "qa"])
def test_only_tags_are_projected(kind) -> None:
    base = three_tasks()
    parts = [one for one in base.parts if one.task.kind == kind]
    train = dataclasses.replace(
        base.config.train,
        translations=AlignedTranslations("{language}.tsv"),
        method="translate_train",
    )
    config = dataclasses.replace(base.config, train=train)
    with pytest.raises(ConfigError, match="kind aligned projects"):
        require_translatable(config, parts)


def test_a_translated_answer_is_found_among_its_tokens(tmp_path) -> None:
    context = "many people walk by the river of new city"
    given = {"question": "where walk people", "context": context, "answer": "river"}
    lost = {**given, "id": "4", "answer": "people walk old"}
    experiment = labelled(tmp_path, "qa", [{**given, "id": "3"}, lost])
    (part,) = experiment.parts
    (found,) = training_rows(experiment)
    number = part.roles.every.index("nl")
    answers = set()
    for bucket in found:
        for at in np.flatnonzero(np.asarray(bucket.language) == number):
            start, end = (int(x[at]) for x in (bucket.label.start, bucket.label.end))
            if start:
                ids = np.asarray(bucket.tokens)[at, start : end + 1].tolist()
                answers.add(part.tokenizer.backend.decode(ids).strip())
    assert answers == {"river"}
    grid = make_translation_table(experiment, part, "")
    assert grid.rows == [
        ("nl Dutch", "unlabelled", "1", f"1 {NO_ANSWER}"),
    ]
