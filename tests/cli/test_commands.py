"""The commands as a user runs them, on one small finished search."""

import json
import shutil

import pytest

import xlnas_jax
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.storage.rundir import Run

# Scoring, screening, predicting, and what draws and compares candidates.
MOST_PROGRAMS_AFTER_THE_SEARCH = 20


def test_search_writes_what_the_contract_names(searched):
    run_dir = searched / "run"
    document = json.loads((run_dir / "front.json").read_text())
    assert document["format"] == 1
    assert document["objectives"] == ["error", "flops"]
    assert document["evaluated"] == 24
    assert document["rejected_before_evaluation"] > 0
    assert document["failed"] == 0
    ids = [point["id"] for point in document["points"]]
    assert document["fronts"] == {"flops": ids}
    assert document["constraints"] == [{"cost": "encoder_params", "limit": 4000.0}]
    for point in document["points"]:
        assert point.keys() >= {
            "id",
            "architecture",
            "objectives",
            "costs",
            "languages",
        }
        assert point["costs"].keys() == {
            "params",
            "encoder_params",
            "flops",
            "memory_bytes",
        }
        assert point["languages"].keys() == {"en", "fr", "pt", "it", "es", "ca"}
        assert point["costs"]["encoder_params"] <= 4000
    assert document["baselines"].keys() == {"full", "random", "uniform"}
    assert (run_dir / "config.yaml").is_file()
    assert len((run_dir / "metrics.jsonl").read_text().splitlines()) == 6
    assert [*Run(run_dir).events.times()] == [*range(6)]
    measured = json.loads((run_dir / "measured.json").read_text())
    programs = measured["compile"]["programs_by_phase"]
    assert programs["later_rounds"] == 0
    assert programs["finish"] <= MOST_PROGRAMS_AFTER_THE_SEARCH
    files = {path.name for path in (run_dir / "model").iterdir()}
    assert files >= {"config.json", "architecture.json", "params", "README.md"}


def test_every_round_says_what_its_archive_gained(searched):
    lines = (searched / "run" / "metrics.jsonl").read_text().splitlines()
    rounds = [json.loads(line) for line in lines]
    assert all("hypervolume" not in one for one in rounds[:2])  # the warm-up
    volume = 0.0
    for one in rounds[2:]:
        assert 0 < one["hypervolume"] < 1
        volume += one["hypervolume_gain"]
        assert one["hypervolume"] == pytest.approx(volume)
        assert 0 <= one["diversity"] <= 1
        assert one["archive_flops"] > 0
        assert (one["outside_reference"], one["failed"]) == (0, 0)
        errors, flops = zip(*one["front"], strict=True)
        assert errors[0] == one["best_error"]
        assert list(errors) == sorted(errors)
        assert list(flops) == sorted(flops, reverse=True)


def test_objective_is_the_mean_over_auxiliary_languages_alone(searched):
    document = json.loads((searched / "run" / "front.json").read_text())
    for point in document["points"]:
        assert point["selection"].keys() == {"pt", "it"}
        errors = [1 - scores["accuracy"] for scores in point["selection"].values()]
        error = sum(errors) / len(errors)
        assert point["objectives"]["error"] == pytest.approx(error, abs=1e-5)


def test_searching_again_reads_the_finished_run(searched, capsys):
    before = (searched / "run" / "front.json").stat().st_mtime_ns
    arguments = [str(searched / "config.yaml"), "--run-dir", str(searched / "run")]
    assert run(["search", *arguments]) == 0
    assert (searched / "run" / "front.json").stat().st_mtime_ns == before
    printed = capsys.readouterr().out
    for expected in ("random search", "uniform scaling", "majority", "es (target)"):
        assert expected in printed


def test_exported_model_loads_and_scores_as_the_front_says(searched, capsys):
    model, config = str(searched / "run" / "model"), str(searched / "config.yaml")
    assert run(["evaluate", model, "--data", config, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    document = json.loads((searched / "run" / "front.json").read_text())
    best = document["points"][0]["languages"]
    assert scores.keys() == best.keys()
    for code, values in scores.items():
        assert values["accuracy"] == pytest.approx(best[code]["accuracy"], abs=1e-6)


@pytest.mark.parametrize(
    ("pick", "dtype"), [("smallest", "fp32"), ("knee", "bf16"), ("id", "fp32")]
)
def test_export_writes_the_point_that_was_picked(
    searched, tmp_path, capsys, pick, dtype
):
    document = json.loads((searched / "run" / "front.json").read_text())
    choice = document["points"][-1]["id"] if pick == "id" else pick
    out = tmp_path / "model"
    arguments = [str(searched / "run"), "--pick", choice, "--out", str(out)]
    arguments += ["--dtype", dtype] if dtype != "fp32" else []
    assert run(["export", *arguments]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    architecture = json.loads((out / "architecture.json").read_text())
    names = [point["id"] for point in document["points"]]
    assert architecture["id"] in names
    if pick == "id":
        assert architecture["id"] == choice
    assert xlnas_jax.load(out).dtype == dtype


@pytest.mark.parametrize("harm", ["config.json", "params", "."])
def test_a_finished_run_whose_model_is_not_whole_has_it_exported_again(
    searched, tmp_path, capsys, harm
):
    shutil.copytree(searched / "run", tmp_path / "run")
    broken = tmp_path / "run" / "model" / harm
    shutil.rmtree(broken) if broken.is_dir() else broken.write_text("")
    config = str(searched / "config.yaml")
    assert run(["search", config, "--run-dir", str(tmp_path / "run")]) == 0
    assert "The model is exported again" in capsys.readouterr().err
    for path in (searched / "run" / "model").rglob("*"):
        if path.is_file():
            same = tmp_path / "run" / "model" / path.relative_to(searched / "run/model")
            assert same.read_bytes() == path.read_bytes()


def test_scores_that_were_not_found_are_neither_shown_nor_exported(
    searched, tmp_path, capsys
):
    shutil.copytree(searched / "run", tmp_path / "run")
    path = tmp_path / "run" / "front.json"
    document = json.loads(path.read_text())
    document["points"][0]["objectives"]["error"] = 0.015625
    path.write_text(json.dumps(document))
    given = ["--run-dir", str(tmp_path / "run")]
    assert run(["search", str(searched / "config.yaml"), *given]) == WRONG_INPUT
    given = ["--out", str(tmp_path / "model")]
    assert run(["export", str(tmp_path / "run"), *given]) == WRONG_INPUT
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("as a search wrote it") == 2
    assert not (tmp_path / "model").exists()


def test_predict_writes_one_object_per_line(searched, tmp_path, capsys):
    texts = tmp_path / "texts.txt"
    texts.write_text("Portugal\nfrancês\n\nевро\n", encoding="utf-8")
    model = searched / "run" / "model"
    assert run(["predict", str(model), str(texts)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = xlnas_jax.load(model).predict(["Portugal", "francês", "", "евро"])
    assert [line["label"] for line in lines] == [p.label for p in expected]
    assert sum(lines[0]["scores"].values()) == pytest.approx(1.0, abs=1e-5)


def test_evaluate_reads_a_plain_file(searched, tmp_path, capsys):
    data = tmp_path / "names.tsv"
    data.write_text("text\tlabel\nPortugal\tterritory\neuro\tcurrency\n")
    model = str(searched / "run" / "model")
    arguments = [model, "--data", str(data), "--language", "en", "--json"]
    assert run(["evaluate", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["en"]["examples"] == 2


def test_describe_prints_space_costs_and_languages(searched, capsys):
    assert run(["describe", str(searched / "config.yaml")]) == 0
    printed = capsys.readouterr().out
    size = 2 * (2 * 6 + 6**2)
    assert f"Space: {size} networks" in printed
    for expected in ("encoder_params", "4,000", "aux_heldout", "sub-word distance"):
        assert expected in printed
