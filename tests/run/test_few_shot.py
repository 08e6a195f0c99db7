"""After the choice what was picked learns from a few rows of targets, and says so."""

import dataclasses
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

import xlnas_jax
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data import sources
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results import conclude
from xlnas_jax.results.finalists.document import winner_of
from xlnas_jax.results.tables import print_results
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.storage.trees import load_tree, named

pytestmark = pytest.mark.slow
ROWS = 8
FEW = FewShotConfig(rows=ROWS, steps=6, learning_rate=3e-3, top_layers=0)


def config(**changes: object) -> Config:
    base = tiny_config(controller=RANDOM, few_shot=FEW)
    return dataclasses.replace(
        base,
        train=dataclasses.replace(base.train, method="finetune", reorder=False),
        space=SpaceConfig(heads=(1, 2), pooling=("mean",)),
        search=dataclasses.replace(base.search, rounds=1, finalists=1, control=False),
        finalists=FinalistsConfig(steps=2, budgets=(0.75,), controls=()),
        **changes,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """A search, and what was read of targets or chosen in it, in order."""
    folder = tmp_path_factory.mktemp("few_shot") / "run"
    events: list[tuple[str, ...]] = []
    read, choose = sources.read, conclude.choose

    def watched(source, roles, language: str, split, phase):
        found = read(source, roles, language, split, phase)
        if language in roles.target:
            events.append((split, phase))
        return found

    def chosen(*given):
        events.append(("chosen",))
        return choose(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "read", watched)
        patch.setattr(conclude, "choose", chosen)
        document, model = run_search(config(), folder)
    return folder, document, model, events


def test_no_label_of_a_target_is_read_before_the_choice(run) -> None:
    events = run[3]
    first = events.index(("chosen",))
    assert first == 0 and ("train", "few_shot") in events
    assert set(events[1:]) == {("test", "report"), ("train", "few_shot")}
    # Zero-shot scores of all that is compared are there before any row trains.
    assert events.index(("test", "report")) < events.index(("train", "few_shot"))


def test_rows_are_of_train_splits_and_none_of_them_is_tested(run) -> None:
    ids = run[1]["few_shot"]["ids"]
    assert list(ids) == ["es", "ca"]
    (part,) = prepare(config()).parts
    for code, own in ids.items():
        train, test = (set(part.source.read(code, s).ids) for s in ("train", "test"))
        assert len(own) == len(set(own)) == ROWS
        assert set(own) <= train and not set(own) & test
        labels = part.source.read(code, "train")
        given = [labels.labels[labels.ids.index(name)] for name in own]
        assert np.bincount(given).tolist() == [2, 2, 2, 2]


def test_zero_shot_scores_stand_beside_those_after(run) -> None:
    found, winner = run[1]["few_shot"], winner_of(run[1])
    assert winner is not None
    assert found["network"] == {"id": winner["id"], "name": winner["name"]}
    assert found["zero_shot"]["languages"] == winner["languages"]
    assert found["languages"] != winner["languages"]
    gained = [
        one["summary"]["tasks"]["task"]["target_mean"]
        for one in (found, found["zero_shot"])
    ]
    difference = found["comparisons"]["task"]["difference"]
    assert difference == pytest.approx(gained[0] - gained[1], abs=2e-6)


def test_all_but_the_head_is_bit_for_bit_what_was_chosen(run) -> None:
    folder, document, _, _ = run
    winner = winner_of(document)
    assert winner is not None
    before = named(load_tree(folder / "finalists" / winner["name"])["cut"])
    after = named(load_tree(folder / "few_shot")["cut"])
    assert before.keys() == after.keys()
    changed = {n for n, leaf in before.items() if (leaf != after[n]).any()}
    assert changed and all(name.startswith("heads/") for name in changed)


def test_what_is_exported_has_learnt_so_and_its_card_says_it(run) -> None:
    _, document, path, _ = run
    card = (path / "README.md").read_text("utf-8")
    assert f"**{ROWS} labelled rows of each of 2 target languages (es, ca)**" in card
    assert "trained its head alone in 6 updates" in card
    assert "were read once" not in card
    found = document["few_shot"]
    line = next(x for x in card.splitlines() if x.startswith("| es | target"))
    numbers = [float(x) for x in re.findall(r"\d\.\d{3}", line)]
    both = found, found["zero_shot"]
    after, before = (one["languages"]["es"]["accuracy"] for one in both)
    assert numbers[0] == pytest.approx(after, abs=6e-4)
    assert numbers[2] == pytest.approx(before, abs=6e-4)
    assert "zero-shot accuracy" in card
    (part,) = prepare(config()).parts
    test = part.source.read("es", "test")
    guessed = xlnas_jax.load(path).predict(list(test.texts))
    right = [
        one.label == part.task.labels[label]
        for one, label in zip(guessed, test.labels, strict=True)
    ]
    assert after == pytest.approx(np.mean(right), abs=1e-6)


def test_the_terminal_says_it(run) -> None:
    folder, document, path, _ = run
    console = Console(file=(out := io.StringIO()), width=200)
    print_results(console, document, folder, path)
    shown = " ".join(out.getvalue().split())
    assert "zero-shot few-shot" in shown
    assert "learnt from 8 labelled rows of each of 2 target languages" in shown


def test_another_network_of_the_run_is_exported_as_it_was_chosen(run, tmp_path) -> None:
    folder, document, _, _ = run
    other = document["points"][0]
    out = export_run(folder, other["id"], tmp_path / "other")
    card = (out / "README.md").read_text("utf-8")
    winner = winner_of(document)
    assert winner is not None
    is_winner = other["id"] == winner["id"]
    assert ("labelled rows of" in card) == is_winner


def test_a_killed_end_comes_to_the_same_bytes(run) -> None:
    folder, _, path, _ = run
    whole = (folder / "front.json").read_bytes()
    model = (path / "manifest.json").read_bytes()
    (folder / "front.json").unlink()
    run_search(config(), folder)
    assert (folder / "front.json").read_bytes() == whole
    assert (path / "manifest.json").read_bytes() == model
    assert json.loads(whole)["few_shot"]["rows"] == ROWS
