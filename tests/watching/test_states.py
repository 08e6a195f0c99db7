"""A run's state is read off its directory, and nothing in it is touched."""

import os
import shutil
from pathlib import Path

import pytest

from tests.fuzz.contract import snapshot
from tests.watching.runs import FRONT, finished, held, stopped
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import parse_as
from xlnas_jax.storage.rundir import open_run
from xlnas_jax.watching.states import look


def test_a_run_that_a_process_holds_is_running(tmp_path: Path) -> None:
    with held(tmp_path / "run", rounds=2):
        found = look(tmp_path / "run")
        assert (found.state, found.process) == ("running", str(os.getpid()))
        assert found.said() == "running, round 2 of 4"
    found = look(tmp_path / "run")
    assert (found.state, found.process) == ("stopped", "")
    assert found.said() == "stopped at round 2 of 4"
    assert (found.objective, found.best) == ("error", 0.49)


def test_looking_changes_nothing_and_keeps_nobody_out(tmp_path: Path) -> None:
    before = snapshot(finished(tmp_path / "run"))
    with held(tmp_path / "other") as run:
        look(tmp_path / "other")
        run.metrics.append({"round": 0})
    look(tmp_path / "run")
    assert snapshot(tmp_path / "run") == before
    with held(tmp_path / "run"):  # the lock was let go
        pass


def test_a_finished_run_says_what_it_found_and_how_long_it_took(tmp_path: Path) -> None:
    found = look(finished(tmp_path / "run"))
    assert (found.state, found.done, found.total) == ("finished", 4, 4)
    assert (found.tasks, found.best) == (("classification",), 0.25)
    assert found.seconds == 90.5


def test_of_trained_finalists_the_one_that_is_exported_counts(tmp_path: Path) -> None:
    finalists = {"networks": [{"objectives": {"error": 0.125}}], "winner": 0}
    with held(tmp_path / "run", 4) as run:
        run.model.mkdir()
        run.write_front({**FRONT, "finalists": finalists})
    assert look(tmp_path / "run").best == 0.125


def test_the_warm_up_counts_among_the_rounds(tmp_path: Path) -> None:
    from tests.experiments import tiny_config

    with open_run(tmp_path / "run", tiny_config()):
        assert look(tmp_path / "run").said() == "running, round 0 of 6"


def test_a_pretraining_ends_with_its_model(tmp_path: Path) -> None:
    config = parse_as(
        Pretraining,
        {
            "model": {"kind": "scratch"},
            "pretrain": {
                "languages": ["en", "fr"],
                "source": "en",
                "texts": [{"kind": "lines", "path": "{language}.txt"}],
                "pairs": [{"kind": "set", "name": "tatoeba", "path": "t"}],
                "steps": 10,
                "every": 4,
            },
        },
    )
    with open_run(tmp_path / "run", config) as run:
        run.metrics.append({"round": 0, "step": 0, "losses": {}})
        run.metrics.append({"round": 1, "step": 4, "losses": {"mlm": 2.0}})
    found = look(tmp_path / "run")
    assert (found.kind, found.said()) == ("pretraining", "stopped at round 1 of 3")
    (run.path / "model").mkdir()
    (run.path / "model" / "pretraining.json").write_text("{}")
    assert look(tmp_path / "run").state == "finished"


def spoil(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"languages: 7\n"),
        ("config.yaml", b"\xff\xfe"),
        ("front.json", b'{"points": []}'),
        ("front.json", b""),
        ("metrics.jsonl", b'{"round": 0}\nnonsense\n{"round": 2}\n'),
        ("metrics.jsonl", b'["round"]\n'),
        ("measured.json", b"[]"),
        ("experiment/experiment.json", b'{"tasks": {"task": 3}}'),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    run = finished(tmp_path / "run")
    spoil(run / name, content)
    found = look(run)
    assert found.state == "damaged"
    assert found.said() == f"damaged: {name}"
    assert name in found.damage[1]


def test_what_is_missing_is_damage_too(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    shutil.rmtree(run / "model")
    assert look(run).said() == "damaged: model"
    (run / "config.yaml").unlink()
    assert look(run).said() == "damaged: config.yaml"


def test_half_a_last_line_is_no_damage(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 2)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"round": 2, "lo')
    assert look(run).said() == "stopped at round 2 of 4"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    (run / "front.json").rename(tmp_path / "front.json")
    (run / "front.json").symlink_to(tmp_path / "front.json")
    assert look(run).said() == "damaged: front.json"
