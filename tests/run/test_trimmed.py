"""A run with a trimmed vocabulary keeps it: resumed, exported, told of."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.data.tokens.trimming.material import names, trained
from tests.experiment.encoders import SPARE_ROWS, make, write_texts
from xlnas_jax.config.config import Config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import count_params
from xlnas_jax.run import recorded
from xlnas_jax.run.again import export_run
from xlnas_jax.run.recorded import FILE, recall, record, require_same
from xlnas_jax.run.rehearsal import rehearse
from xlnas_jax.run.run import run_search
from xlnas_jax.types import CheckpointError

SHORT = SearchConfig(
    rounds=2, weight_steps=1, population=4, archive_size=8, control=False
)
ROWS = trained("Unigram").vocab_size + SPARE_ROWS


def config_in(folder: Path, **changes) -> Config:
    return make(folder, search=SHORT, constraints=ConstraintsConfig(), **changes)


@pytest.mark.slow
def test_a_search_ends_with_a_model_that_needs_nothing_else(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    experiment = prepare(config)
    size = experiment.shape.vocab_size
    document, first = run_search(config, tmp_path / "run")
    for folder in ("model", "data"):
        shutil.rmtree(tmp_path / folder)
    again = export_run(tmp_path / "run", "smallest", tmp_path / "again")

    model = load(again)
    assert model.shape.vocab_size == model.tokenizer.vocab_size == size < ROWS
    assert model.tokenizer.to_text() == load(first).tokenizer.to_text()
    told = {"pieces": size, "of": ROWS, "languages": ["en", "fr", "ru"]}
    assert document["vocabulary"] == told
    smallest = min(point["costs"]["params"] for point in document["points"])
    assert count_params(model.weights) == smallest
    assert model.predict(list(names("ru")[:2]))
    for path in (first, again):
        card = " ".join((path / "README.md").read_text().split())
        assert f"from {ROWS} to {size} pieces, by texts of en, fr, ru: train" in card
        assert "So texts of ru (target), though no labels, were seen" in card
        assert "more tokens" not in card


def test_the_same_texts_go_on_and_others_do_not(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    record(prepare(config), tmp_path / "experiment")
    require_same(prepare(config), tmp_path / "experiment")
    write_texts(tmp_path / "data", ru_test=names("el")[0])
    require_same(prepare(config), tmp_path / "experiment")
    write_texts(tmp_path / "data", ru_dev=names("el")[0])
    with pytest.raises(CheckpointError, match="other shape, vocabulary, tokenizer"):
        require_same(prepare(config), tmp_path / "experiment")


def test_other_rows_of_the_same_pieces_do_not_go_on(tmp_path: Path) -> None:
    experiment = prepare(config_in(tmp_path))
    record(experiment, tmp_path / "experiment")
    assert experiment.vocabulary is not None
    other = dataclasses.replace(experiment.vocabulary, checksum=1)
    with pytest.raises(CheckpointError, match="got other vocabulary"):
        require_same(
            dataclasses.replace(experiment, vocabulary=other), tmp_path / "experiment"
        )


def test_what_was_kept_is_recalled(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("Peru\n")
    options = VocabularyConfig(min_count=2, files=(f"{tmp_path}/more.txt",))
    experiment = prepare(config_in(tmp_path, vocabulary=options))
    record(experiment, tmp_path / "experiment")
    found = recall(experiment.config, tmp_path / "experiment").vocabulary
    assert found and experiment.vocabulary
    assert found.trimming is None
    assert found.as_dict() == experiment.vocabulary.as_dict()
    assert found.most_grown == experiment.vocabulary.most_grown
    assert set(found.compared) == {"en", "fr", "ru", "files[0]"}
    text = (tmp_path / "experiment" / FILE).read_text()
    assert str(tmp_path) not in text


def test_a_run_from_before_trimming_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = prepare(config_in(tmp_path, vocabulary=None))
    facts = recorded._facts(experiment)
    del facts["vocabulary"]
    with monkeypatch.context() as patch:
        patch.setattr(recorded, "_facts", lambda _: facts)
        recorded.record(experiment, tmp_path / "experiment")
    assert "vocabulary" not in (tmp_path / "experiment" / recorded.FILE).read_text()
    recorded.require_same(experiment, tmp_path / "experiment")
    found = recorded.recall(experiment.config, tmp_path / "experiment")
    assert found.vocabulary is None


def test_a_rehearsal_tells_whose_texts_grow(tmp_path: Path) -> None:
    config = config_in(tmp_path, vocabulary=VocabularyConfig(most=10))
    told: list[str] = []
    rehearse(config, tmp_path / "run", told.append)
    grown = [line for line in told if "model.vocabulary leaves" in line]
    assert len(grown) == 3
    growth = [float(line.split()[3]) for line in grown]
    assert growth == sorted(growth, reverse=True)
    assert np.min(growth) > 0
