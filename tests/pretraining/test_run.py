"""A run ends the same however often it is killed, on however many devices."""

import functools
import json

import jax
import numpy as np
import pytest

from tests.pretraining.planted import make_config, write_corpus
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.pretraining import run as runs
from xlnas_jax.pretraining.model import prepare
from xlnas_jax.pretraining.run import Work, pretrain
from xlnas_jax.pretraining.texts import divide, read_corpus
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.storage.trees import snapshot
from xlnas_jax.types import CheckpointError, ConfigError, DivergedError

# Sums of some hundred float32 terms, in another order.
TOLERANCE = 1e-4
# One program for gradients and one for curves: quick to compile.
PLAIN = {"tlm": 0.0, "ranking": 0.0, "pairs": (), "sandwich": False, "pseudo": 0}


class Killed(BaseException):
    """As if the process had ended there."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    write_corpus(folder)
    return folder


def lines_of(run_dir) -> list[dict]:
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(one) for one in lines]


def contents(directory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def saved(run_dir, step: int, template) -> dict[str, np.ndarray]:
    with Checkpoints(run_dir / "checkpoints", 3) as checkpoints:
        assert checkpoints.steps[-1] == step
        found = checkpoints.restore(template)
    assert found is not None
    return snapshot(found[1])


def kill_at(monkeypatch, number: int) -> None:
    """The step of this number never ends."""
    real = Work.step

    def step(self, state, at):
        if at == number:
            raise Killed
        return real(self, state, at)

    monkeypatch.setattr(Work, "step", step)


def killed_and_resumed(config, tmp_path, monkeypatch, *steps: int):
    """Runs once unbroken and once killed at some steps; both must end the same."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    built: list[Work] = []
    make = Work.__init__

    def keep(self, *given):
        make(self, *given)
        built.append(self)

    monkeypatch.setattr(Work, "__init__", keep)
    pretrain(config, whole)
    for number in steps:
        with monkeypatch.context() as patch:
            kill_at(patch, number)
            with pytest.raises(Killed):
                pretrain(config, broken)
        assert not (broken / "model").exists()
    pretrain(config, broken)
    last = built[-1].num_rounds
    template = built[-1].state
    ours, theirs = (saved(one, last, template) for one in (whole, broken))
    assert ours.keys() == theirs.keys() and len(ours) > 20
    for name, leaf in ours.items():
        assert leaf.tobytes() == theirs[name].tobytes(), name
    assert int(ours["step"]) == config.pretrain.steps
    assert contents(whole / "model") == contents(broken / "model")
    files = [(one / "metrics.jsonl").read_bytes() for one in (whole, broken)]
    assert files[0] == files[1]
    return whole


def test_killed_within_a_round_and_resumed_gives_the_same_bytes(
    folder, tmp_path, monkeypatch
):
    config = make_config(folder, steps=5, dropout=0.1, **PLAIN)
    whole = killed_and_resumed(config, tmp_path, monkeypatch, 3)
    lines = lines_of(whole)
    assert [line["round"] for line in lines] == [0, 1, 2, 3]
    assert [line["step"] for line in lines] == [0, 2, 4, 5]
    assert lines[0]["losses"] == {} and lines[1]["losses"].keys() == {"mlm"}
    # What is finished is not begun again.
    before = contents(whole / "model")
    with monkeypatch.context() as patch:
        patch.setattr(runs, "Work", None)
        assert pretrain(config, whole) == whole / "model"
    assert contents(whole / "model") == before


@pytest.mark.slow
def test_with_all_losses_and_a_sandwich_it_is_the_same(folder, tmp_path, monkeypatch):
    changes = {"mixing": "weights", "tlm_positions": "restart", "num_random": 0}
    config = make_config(folder, steps=4, **changes)
    whole = killed_and_resumed(config, tmp_path, monkeypatch, 3)
    facts = json.loads((whole / "model" / "pretraining.json").read_text())
    counted = {"mlm": 0.5, "tlm": 0.25, "ranking": 0.25}
    assert facts["losses"] == {"mixing": "weights", **counted}
    assert facts["texts"].keys() == {"en", "fr"} and facts["pairs"].keys() == {"fr"}


@pytest.mark.slow
def test_losses_fall_and_translations_are_found_on_planted_text(folder, tmp_path):
    changes = {"steps": 400, "every": 200, "batch_size": 32, "warmup_fraction": 0.1}
    config = make_config(folder, tlm=0.0, num_random=0, **changes)
    pretrain(config, tmp_path / "run")
    first, last = (lines_of(tmp_path / "run")[at]["heldout"] for at in (0, -1))
    for network in ("largest", "smallest"):
        before, after = first[network], last[network]
        # After each word come three others: the rest is what a few hundred steps miss.
        for code in ("en", "fr"):
            assert after["masked_loss"][code] < before["masked_loss"][code] - 0.2
        assert min(after["p_at_1"]["fr"]) > max(before["p_at_1"]["fr"]) + 0.3
    assert all(
        last["largest"]["pseudo_perplexity"][code]
        < 0.85 * first["largest"]["pseudo_perplexity"][code]
        for code in ("en", "fr")
    )


@functools.cache
def some_losses(folder, devices: DevicesConfig) -> list[float]:
    """Of three steps."""
    changes = {"mixing": "weights", "tlm": 0.0, "num_random": 0, "pseudo": 0}
    config = make_config(folder, devices=devices, **changes)
    divided = divide(read_corpus(config), 12)
    texts = [text for own in divided.learnt.texts.values() for text in own]
    work = Work(prepare(config, texts), divided)
    state, found = work.state, []
    for number in range(3):
        state, losses = work.step(state, number)
        found += [float(losses[name]) for name in sorted(losses)]
    curves = work.heldout.measure(state.params)["largest"]["masked_loss"]
    return [*found, *curves.values()]


@pytest.mark.slow
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "fsdp"])
def test_two_devices_have_the_losses_of_one(folder, cut):
    one = some_losses(folder, DevicesConfig(pop=1))
    two = some_losses(folder, DevicesConfig(pop=2, fsdp=cut))
    assert len(one) == 8
    np.testing.assert_allclose(one, two, atol=TOLERANCE)


def test_a_batch_must_be_divisible_by_the_devices(folder):
    config = make_config(folder, devices=DevicesConfig(pop=2), batch_size=15, **PLAIN)
    with pytest.raises(ConfigError, match="multiple of the 2 devices; got 15"):
        pretrain(config, folder / "refused")
    assert jax.device_count() == 2


@pytest.mark.slow
def test_a_run_goes_on_with_its_own_texts_alone(folder, tmp_path, monkeypatch):
    config = make_config(folder, **PLAIN)
    with monkeypatch.context() as patch:
        kill_at(patch, 3)
        with pytest.raises(Killed):
            pretrain(config, tmp_path / "run")
    text = (folder / "fr.txt").read_text()
    try:
        # Other sentences of the same words: the vocabulary stays as it was.
        (folder / "fr.txt").write_text("\n".join(text.splitlines()[::-1]))
        with pytest.raises(CheckpointError, match="texts and tokenizer must be those"):
            pretrain(config, tmp_path / "run")
    finally:
        (folder / "fr.txt").write_text(text)
    with pytest.raises(CheckpointError, match=r"pretrain\.mask_rate was"):
        pretrain(make_config(folder, mask_rate=0.2, **PLAIN), tmp_path / "run")


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_it(folder, tmp_path):
    config = make_config(folder, learning_rate=2e9, clip_norm=2e9, **PLAIN)
    with pytest.raises(DivergedError, match="use a lower learning rate"):
        pretrain(config, tmp_path / "run")
