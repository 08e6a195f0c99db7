"""Translations of an experiment's training rows: whose, and what is refused."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CipherData, CldrData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import FileTranslations, IdTranslations
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data import sources
from xlnas_jax.data.examples import Source
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.inspection import inspect_data
from xlnas_jax.experiment.prepare import prepare
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


def test_words_and_spans_have_no_translated_labels(monkeypatch) -> None:
    tagging = make_task("tagging", ("O", "B-X", "I-X"), 16)
    monkeypatch.setattr("xlnas_jax.experiment.prepare.make_task", lambda *_: tagging)
    one = dataclasses.replace(config().space, pooling=("mean",))
    with pytest.raises(ConfigError, match=r"only classified sentences have.*tagging"):
        prepare(config(space=one))


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
