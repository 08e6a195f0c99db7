"""`xlnas trim`: a model directory in, a smaller one out."""

import json
from pathlib import Path

import numpy as np
import pytest

import xlnas_jax
from xlnas_jax.cli.commands import parse
from xlnas_jax.export.artifact.artifact import save_artifact
from xlnas_jax.export.params import count_params
from xlnas_jax.types import CheckpointError, ConfigError, DataError


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.txt"
    file.write_text("the old river\n\nmany people walk\n", "utf-8")
    return file


@pytest.fixture
def model(subnet, card, tmp_path: Path) -> Path:
    costs = {
        "params": count_params(subnet.weights),
        "encoder_params": 600,
        "memory_bytes": 4 * count_params(subnet.weights) + 100,
    }
    architecture = {"id": "abc", "costs": costs}
    return save_artifact(
        tmp_path / "model", subnet, architecture=architecture, card=card
    )


def run(*arguments: object) -> None:
    parse(["trim", *map(str, arguments)]).run()


@pytest.mark.slow
def test_the_new_model_loads_and_says_what_was_done(
    model, texts, tmp_path, capsys
) -> None:
    out = tmp_path / "small"
    run(model, "--out", out, "--texts", texts)
    said = capsys.readouterr()
    assert said.out.strip() == str(out)
    assert "0.0 % more tokens in 2 texts" in said.err
    whole, small = xlnas_jax.load(model), xlnas_jax.load(out)
    given = ["the old river", "many people walk"]
    np.testing.assert_allclose(small.logits(given), whole.logits(given), atol=1e-5)
    costs = json.loads((out / "architecture.json").read_text())["costs"]
    before = json.loads((model / "architecture.json").read_text())["costs"]
    removed = (whole.shape.vocab_size - small.shape.vocab_size) * whole.shape.width
    assert removed > 0
    assert costs["params"] == before["params"] - removed
    assert costs["memory_bytes"] == before["memory_bytes"] - 4 * removed
    assert costs["encoder_params"] == before["encoder_params"]
    card = (out / "README.md").read_text("utf-8")
    assert card.startswith((model / "README.md").read_text("utf-8").rstrip())
    assert f"to {small.shape.vocab_size:,} pieces" in card
    assert str(texts) not in card


def test_it_can_be_trimmed_again_and_replaced(model, texts, tmp_path) -> None:
    out = tmp_path / "small"
    run(model, "--out", out, "--texts", texts)
    first = xlnas_jax.load(out).shape.vocab_size
    run(out, "--out", out, "--texts", texts, "--most", 2)
    assert xlnas_jax.load(out).shape.vocab_size < first


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ((), ConfigError, "--texts: at least one"),
        (("--texts", "{empty}"), DataError, "must hold texts"),
        (("--texts", "{missing}"), DataError, "missing.txt"),
        (("--texts", "{texts}", "--most", "0"), ConfigError, "--most: must be"),
        (("--texts", "{texts}", "--params", "5"), ConfigError, "possible value is"),
    ],
)
def test_what_cannot_be_is_refused(
    model, texts, tmp_path, options, error, message
) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    names = {name: tmp_path / f"{name}.txt" for name in ("empty", "missing", "texts")}
    given = [option.format(**names) for option in options]
    with pytest.raises(error, match=message):
        run(model, "--out", tmp_path / "small", *given)
    assert not (tmp_path / "small").exists()


def test_what_is_no_model_is_refused(texts, tmp_path) -> None:
    with pytest.raises(CheckpointError):
        run(tmp_path, "--out", tmp_path / "small", "--texts", texts)


def test_pieces_may_share_rows(model, texts, tmp_path, capsys) -> None:
    out = tmp_path / "small"
    run(model, "--out", out, "--texts", texts, "--share", 0.3, "--shared", 2)
    said = capsys.readouterr()
    small = xlnas_jax.load(out)
    words = small.shape.words
    assert words is not None and words.shared <= 2
    rows = f"with {words.table:,} rows, {words.shared} of them shared"
    assert rows in " ".join(said.err.split())
    costs = json.loads((out / "architecture.json").read_text())["costs"]
    assert costs["params"] == count_params(small.weights)
    assert "those of 30 % of every language's tokens" in (out / "README.md").read_text()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(model, texts, tmp_path, share) -> None:
    with pytest.raises(ConfigError, match="--share: must lie in"):
        run(model, "--out", tmp_path / "new", "--texts", texts, "--share", share)
