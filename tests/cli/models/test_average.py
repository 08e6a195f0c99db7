"""Several exported models: their mean as one, and their answers together."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import xlnas_jax
from xlnas_jax.cli.main import run
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.artifact.average import average_artifacts
from xlnas_jax.export.artifact.manifest import read_manifest
from xlnas_jax.export.evaluation import score_model
from xlnas_jax.export.labelled import read_auxiliary
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import ConfigError


def beside(model: Path, out: Path, card: str, by: float = 0.02, **roles) -> Path:
    """An export of the same network with other weights."""
    subnet = xlnas_jax.load(model)
    rng = np.random.default_rng(1)
    weights = jax.tree.map(
        lambda leaf: leaf + by * rng.normal(size=leaf.shape).astype(np.float32),
        subnet.weights,
    )
    given = subnet.shape, subnet.pooling, subnet.labels, subnet.tokenizer
    told = Written(card, {**read_manifest(model).languages, **roles})
    made = Subnet(weights, *given, task=subnet.task, own_heads=subnet.own_heads)
    return save_artifact(out, made, architecture={}, card=told)


OTHER = "# Other\n\n## Who was seen when\n\n- Labels of es trained it.\n\n## Size\n"


@pytest.fixture(scope="module")
def models(searched, tmp_path_factory) -> tuple[Path, Path, Path]:
    """The model of a search, another one like it, and the configuration."""
    first = searched / "run" / "model"
    second = beside(first, tmp_path_factory.mktemp("other") / "model", OTHER)
    return first, second, searched / "config.yaml"


def test_the_mean_of_exports_loads_and_says_what_it_is(models, tmp_path, capsys):
    first, second, _ = models
    out = tmp_path / "soup"
    assert run(["average", str(first), str(second), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    parts = [
        jax.tree.leaves(xlnas_jax.load(path).weights) for path in (first, second, out)
    ]
    for one, other, mean in zip(*parts, strict=True):
        wide = (np.asarray(one, float) + np.asarray(other, float)) / 2
        np.testing.assert_array_equal(mean, wide.astype(np.float32))
    card = (out / "README.md").read_text("utf-8")
    assert "## Average" in card and "mean of 2 models" in card
    assert card.startswith((first / "README.md").read_text("utf-8").rstrip())
    # The cards differ in whose labels were seen, which a reader must know.
    assert "Of model 2 the card said:\n\n- Labels of es trained it." in card


def test_auxiliary_dev_splits_say_what_is_taken_in(models, tmp_path, capsys):
    first, second, config = models
    out = tmp_path / "soup"
    given = ["--out", str(out), "--greedy", "--data", str(config)]
    assert run(["average", str(second), str(first), *given]) == 0
    told = capsys.readouterr().err
    parts = read_auxiliary(config, xlnas_jax.load(first))
    assert list(parts) == ["pt", "it"]
    assert {one.split for one in parts.values()} == {"dev"}

    def score(path: Path) -> float:
        found = score_model(xlnas_jax.load(path), parts).values()
        return float(np.mean([one.metrics["accuracy"] for one in found]))

    alone = [score(second), score(first)]
    assert score(out) >= max(alone)
    assert f"{alone[0]:.4f} {second}" in told and f"{score(out):.4f} the mean" in told
    assert "by dev splits of pt, it" in (out / "README.md").read_text("utf-8")


def test_what_would_choose_by_other_data_is_refused(models, tmp_path):
    first, second, config = models
    arguments = ["average", str(first), str(second), "--out", str(tmp_path / "x")]
    assert run([*arguments, "--greedy"]) == 2
    assert run([*arguments, "--data", str(config)]) == 2
    table = tmp_path / "gold.tsv"
    table.write_text("text\tlabel\none\tscript\n")
    assert run([*arguments, "--greedy", "--data", str(table)]) == 2
    moved = beside(first, tmp_path / "moved", OTHER, aux_train=["es"], target=["ca"])
    with pytest.raises(ConfigError, match="the same languages in the same roles"):
        average_artifacts([first, moved], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_several_models_are_scored_and_asked_as_one(models, tmp_path, capsys):
    first, second, config = models
    given = ["--data", str(config), "--language", "es", "--json"]
    found = []
    for names in ([first], [first, first], [first, second]):
        assert run(["evaluate", *map(str, names), *given]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    texts = tmp_path / "texts.txt"
    texts.write_text("euro\nPeru\n")
    assert run(["predict", str(first), str(texts), "--also", str(second)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    both = [xlnas_jax.load(path).predict(["euro", "Peru"]) for path in (first, second)]
    for line, one, other in zip(lines, *both, strict=True):
        for label, value in line["scores"].items():
            mean = (one.scores[label] + other.scores[label]) / 2
            assert value == pytest.approx(mean, abs=1e-12)


def test_a_model_must_be_named(capsys):
    assert run(["evaluate", "--data", "x.tsv"]) == 2
    assert "at least one directory" in capsys.readouterr().err
    assert run(["evaluate", "a", "b", "--data", "x.tsv", "--form", "onnx"]) == 2
    assert "must be of one model" in capsys.readouterr().err
