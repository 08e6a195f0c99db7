"""Methods are compared on equal terms, and what is done is not done again."""

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from tests.experiments import tiny_config
from xlnas_jax.comparison import compare as room
from xlnas_jax.comparison.cell import Cell, config_of, run_cell
from xlnas_jax.comparison.compare import compare
from xlnas_jax.comparison.tables import comparison_tables
from xlnas_jax.config.augment.translate_test import TranslateTestConfig
from xlnas_jax.config.augment.translators import (
    DictionaryTranslator,
    FileTranslator,
)
from xlnas_jax.config.augment.ways import BackTranslation, CodeSwitch
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.transfer import IdPairs, TransferConfig
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finish import report
from xlnas_jax.search.engine import make_engine
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.types import CheckpointError, ConfigError, DataError

CONFIG = tiny_config(
    transfer=TransferConfig(parallel=IdPairs()),
    space=SpaceConfig(heads=(1, 2), ffn=(8, 32), pooling=("mean",)),
)
STEPS = 4


def run(folder, methods=("finetune", "sandwich"), seeds=2, steps=STEPS, config=CONFIG):
    console = Console(file=io.StringIO())
    with Progress("start", seeds * len(methods) * steps, console=console) as progress:
        return compare(config, methods, seeds, steps, folder, progress, str)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    return folder, run(folder)


def test_a_kept_cell_is_read_and_a_new_one_alone_is_run(compared, monkeypatch):
    folder, document = compared
    ran = []

    def counted(experiment, tell):
        ran.append((experiment.config.train.method, experiment.config.seed))
        return run_cell(experiment, tell)

    monkeypatch.setattr(room, "run_cell", counted)
    again = run(folder)
    assert ran == [] and again["summary"] == document["summary"]
    (folder / "cells" / "sandwich-s1.json").unlink()
    assert (
        run(folder)["summary"]["task"]["finetune"]
        == (document["summary"]["task"]["finetune"])
    )
    assert ran == [("sandwich", 1)]


def test_a_cell_of_other_options_is_not_taken_for_one_of_these(compared):
    with pytest.raises(CheckpointError, match="run with other options"):
        run(compared[0], steps=2 * STEPS)


def test_finetuning_is_what_the_warm_up_of_a_search_does(compared):
    train = dataclasses.replace(CONFIG.train, pretune_steps=STEPS, reorder=False)
    search = dataclasses.replace(CONFIG.search, weight_steps=0)
    experiment = prepare(dataclasses.replace(CONFIG, train=train, search=search))
    engine, state = make_engine(
        experiment, training_rows(experiment), heldout_data(experiment)
    )
    params = engine.learn(state.learner, 0)[0].params
    full = np.asarray(experiment.space.num_choices, np.int32) - 1
    (expected,) = report(experiment, [(lambda: params, full)]).networks
    cell = json.loads((compared[0] / "cells" / "finetune-s0.json").read_text())
    for column, scores in expected.items():
        assert cell["languages"][column]["metrics"] == scores.metrics
        np.testing.assert_array_equal(cell["languages"][column]["items"], scores.items)


def test_the_first_method_is_what_gains_are_counted_from(compared):
    found = compared[1]["summary"]["task"]
    assert list(found) == ["finetune", "sandwich"]
    assert found["finetune"]["gain"] is None
    gained = found["sandwich"]["target_mean"] - found["finetune"]["target_mean"]
    assert found["sandwich"]["gain"]["difference"] == pytest.approx(gained)
    both = [found[name]["target_mean_by_seed"] for name in found]
    assert np.shape(both) == (2, 2)
    for one, means in zip(found.values(), both, strict=True):
        assert one["target_mean"] == pytest.approx(np.mean(means))


def test_alignment_before_is_that_of_the_weights_both_begin_with(compared):
    folder, document = compared
    cells = {
        name: json.loads((folder / "cells" / f"{name}-s0.json").read_text())
        for name in ("finetune", "sandwich")
    }
    before, after = (
        [one["alignment"][when] for one in cells.values()]
        for when in ("before", "after")
    )
    assert before[0] == before[1] and after[0] != after[1] != before[1]
    (own,) = before[0].values()
    assert set(own) == {"centroid", "cka"} and set(own["cka"]) == {
        *("fr", "pt", "it", "es", "ca")
    }
    every = [
        own,
        *json.loads((folder / "cells" / "finetune-s1.json").read_text())["alignment"][
            "before"
        ].values(),
    ]
    mean = np.mean([one["cka"][code] for one in every for code in ("es", "ca")])
    aligned = document["summary"]["task"]["finetune"]["alignment"]
    assert aligned["cka"]["before"] == pytest.approx(mean)


def test_how_often_languages_are_told_apart_stands_beside(compared):
    folder, document = compared
    cells = [
        json.loads((folder / "cells" / f"finetune-s{seed}.json").read_text())["probe"]
        for seed in (0, 1)
    ]
    found = document["summary"]["task"]["finetune"]["probe"]
    for when in ("before", "after"):
        own = [one[when]["task"]["accuracy"] for one in cells]
        assert found[when] == pytest.approx(np.mean(own))
        assert 0.0 < found[when] <= 1.0
    assert found["chance"] == pytest.approx(1 / 6)  # of six languages
    (_, aligned, _) = comparison_tables(document)
    assert aligned.headings[-2:] == ("languages told apart % before", "after")
    assert [float(row[-1]) for row in aligned.rows] == [
        pytest.approx(100 * one["probe"]["after"], abs=0.051)
        for one in document["summary"]["task"].values()
    ]
    assert "16.7 %" in aligned.notes[0]


def test_what_a_cell_took_is_kept(compared):
    for one in compared[1]["summary"]["task"].values():
        assert one["seconds"] >= one["compiling"] >= 0
        assert one["peak_bytes"] is None or one["peak_bytes"] > 2**20


def test_an_arm_that_learns_from_rows_of_targets_says_so(compared):
    few = FewShotConfig(rows=8, steps=3, learning_rate=1e-2, top_layers=0)
    config = dataclasses.replace(CONFIG, few_shot=few)
    document = run(compared[0], ("finetune", "few_shot"), 1, config=config)
    cells = [
        json.loads((compared[0] / "cells" / f"{name}-s0.json").read_text())
        for name in ("finetune", "few_shot")
    ]
    # It begins where fine-tuning ends, which was not run again for it.
    zero_shot = {c: one["metrics"] for c, one in cells[0]["languages"].items()}
    assert cells[1]["few_shot"]["zero_shot"] == zero_shot
    assert cells[1]["languages"] != cells[0]["languages"]
    assert "few_shot" not in cells[0]
    found = document["few_shot"]
    assert {code: len(ids) for code, ids in found["ids"].items()} == {"es": 8, "ca": 8}
    mean = document["summary"]["task"]["finetune"]["target_mean"]
    assert found["zero_shot_target_mean"] == {"task": pytest.approx(mean)}
    grid = next(comparison_tables(document))
    (note,) = [one for one in grid.notes if "zero-shot" in one]
    assert "3 steps of its head alone on 8 labelled rows of each of 2 target" in note
    assert f"target mean was {100 * mean:.1f}" in note


def write_names(folder, code: str, left: int = 0) -> None:
    """What test rows of a language are in English, but for the first ones."""
    rows = make_cldr_source(CONFIG.data).read("en", "test")
    lines = [f"{n}\t{t}" for n, t in zip(rows.ids, rows.texts, strict=True)]
    text = "\n".join(["id\ttext", *lines[left:]])
    (folder / f"{code}-en.tsv").write_text(text, "utf-8")


def test_an_arm_reads_test_texts_in_translation(tmp_path):
    """Names that are English by the file have what their English rows have."""
    codes = ("fr", "pt", "it", "es", "ca")
    for left, code in enumerate(codes):
        write_names(tmp_path, code, 3 * left)
    path = f"{tmp_path}/{{source}}-{{target}}.tsv"
    # It must have learnt something: else all names are of one class to it.
    fast = {"learning_rate": 1e-2, "head_learning_rate": 1e-2}
    config = dataclasses.replace(
        CONFIG,
        transfer=TransferConfig(),
        train=dataclasses.replace(CONFIG.train, **fast),
        translate_test=TranslateTestConfig(FileTranslator(path)),
    )
    out = tmp_path / "out"
    document = run(out, ("finetune", "translate_test"), 1, 60, config=config)
    plain, cell = (
        json.loads((out / "cells" / f"{name}-s0.json").read_text())
        for name in ("finetune", "translate_test")
    )
    # It is the network of fine-tuning, which was not run again for it.
    assert cell["languages"]["en"] == plain["languages"]["en"]
    items = {code: items_of(plain, code) for code in ("en", *codes)}
    missed = {}
    for left, code in enumerate(codes):
        there = dict([*items["en"].items()][3 * left :])
        expected = {n: there.get(n, own) for n, own in items[code].items()}
        assert items_of(cell, code) == expected
        missed[code] = sum(n not in there for n in items[code])
        counted = cell["translate_test"]["languages"][code]
        assert counted == {"rows": len(expected), "left": missed[code]}
    assert any(items_of(cell, code) != items[code] for code in codes)
    assert document["translate_test"] == cell["translate_test"]
    (note,) = [n for n in next(comparison_tables(document)).notes if "translate" in n]
    said = f"{sum(missed.values())} of 100 without a translation are read as they are"
    assert said in note and f"most of them in ca ({missed['ca']} of 20)" in note


def items_of(cell, code: str) -> dict:
    own = cell["languages"][code]
    return dict(zip(own["ids"], own["items"], strict=True))


def test_a_language_without_translations_is_said_before_anything_is_run(tmp_path):
    write_names(tmp_path, "fr")
    path = f"{tmp_path}/{{source}}-{{target}}.tsv"
    config = dataclasses.replace(
        CONFIG, translate_test=TranslateTestConfig(FileTranslator(path))
    )
    with pytest.raises(DataError, match=r"translate_test\.translator"):
        run(tmp_path / "out", ("translate_test",), 1, config=config)
    assert not list((tmp_path / "out").glob("cells/*"))


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (("translate_test",), "Give translate_test.translator"),
        ((), "at least one must be named"),
        (("finetune", "finetune"), "finetune twice"),
        (("finetun",), "Did you mean 'finetune'"),
        (("distill",), "must tune the full network"),
        (("code_switch",), "entries of that kind in train.augment; got none"),
        (("few_shot",), "Give few_shot.rows"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_run(
    methods, message, tmp_path
):
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, methods)
    assert not list((tmp_path / "cells").glob("*") if tmp_path.exists() else [])


def test_a_method_without_use_for_text_alone_gets_none():
    languages = dataclasses.replace(CONFIG.languages, unlabelled=("pt", "de"))
    config = dataclasses.replace(CONFIG, languages=languages)
    assert config_of(config, Cell("finetune", 0), STEPS).languages.unlabelled == ()
    heard = config_of(config, Cell("sandwich", 0), STEPS).languages.unlabelled
    assert heard == ("pt", "de")


SWITCH = CodeSwitch(DictionaryTranslator("{source}-{target}"), share=0.5)
AGAIN = BackTranslation(SWITCH.translator, share=0.5)


def test_a_kind_of_augmentation_is_plain_fine_tuning_with_it_alone():
    train = dataclasses.replace(CONFIG.train, augment=(AGAIN, SWITCH))
    languages = dataclasses.replace(CONFIG.languages, unlabelled=("nl",))
    config = dataclasses.replace(CONFIG, train=train, languages=languages)
    own = config_of(config, Cell("code_switch", 0), STEPS)
    assert (own.train.method, own.train.augment) == ("finetune", (SWITCH,))
    assert own.languages.unlabelled == ("nl",)
    back = config_of(config, Cell("back_translation", 0), STEPS)
    assert back.train.augment == (AGAIN,)
    for method in ("finetune", "sandwich"):  # what they are held to goes without
        assert config_of(config, Cell(method, 0), STEPS).train.augment == ()
    plain = config_of(config, Cell("finetune", 0), STEPS)
    assert plain == dataclasses.replace(
        own,
        train=dataclasses.replace(own.train, augment=()),
        languages=dataclasses.replace(own.languages, unlabelled=()),
    )


@pytest.mark.slow
def test_a_kind_of_augmentation_is_held_to_fine_tuning(tmp_path, monkeypatch):
    words = "south sud\nkorean coréen\ndollar dollar\nislands îles\n"
    (tmp_path / "en-fr.txt").write_text(words, "utf-8")
    translator = DictionaryTranslator(f"{tmp_path}/{{source}}-{{target}}.txt", least=4)
    way = dataclasses.replace(SWITCH, translator=translator, share=0.05, rate=1.0)
    train = dataclasses.replace(CONFIG.train, augment=(way,))
    monkeypatch.setattr(f"{__name__}.CONFIG", dataclasses.replace(CONFIG, train=train))
    found = run(tmp_path / "out", ("finetune", "code_switch"), seeds=1)
    assert found["methods"]["code_switch"] == "Qin et al. 2020"
    summary = found["summary"]["task"]
    assert list(summary) == ["finetune", "code_switch"]
    assert summary["code_switch"]["gain"] is not None
    cell = json.loads((tmp_path / "out" / "cells" / "code_switch-s0.json").read_text())
    assert cell["method"] == "code_switch"


def test_steps_are_as_many_as_asked_for():
    for steps in (1, 7, 20, 97, 120):
        search = config_of(CONFIG, Cell("finetune", 3), steps).search
        assert search.rounds * search.weight_steps == steps


def test_there_is_no_warm_up_of_which_to_take_a_mean():
    train = dataclasses.replace(CONFIG.train, pretune_steps=4, average=2)
    config = dataclasses.replace(CONFIG, train=train)
    assert config_of(config, Cell("finetune", 0), STEPS).train.average == 0
