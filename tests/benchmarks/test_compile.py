"""Starts are timed from the process's beginning, and every program is counted once."""

import importlib
import pathlib

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def compile_():
    yield importlib.import_module("benchmarks.speed.compile")


def event(kind: str, name: str, seconds: float, phase: str) -> dict:
    return {"kind": kind, "name": name, "seconds": seconds, "phase": phase}


def test_seconds_of_a_phase_are_told_apart_from_its_compilation(compile_):
    start = {
        "total": 5.0,
        "phases": {"imports": 1.0, "evaluate": 4.0},
        "compiled": [
            event("trace", "f", 0.5, "evaluate"),
            event("lower", "f", 0.25, "evaluate"),
            event("backend", "f", 2.0, "evaluate"),
            event("backend", "g", 0.25, "evaluate"),
        ],
        "cache_hits": 1,
        "scoring": 1.0,
    }
    found = compile_.describe_starts([start])
    evaluate = found["phases"]["evaluate"]
    assert evaluate == {"seconds": 4.0, "compiling": 2.25, "tracing": 0.75}
    assert found["phases"]["imports"]["compiling"] == 0.0
    assert (found["programs"], found["read_from_cache"]) == (2, 1)
    assert [p["name"] for p in found["slowest"]] == ["f", "g"]


def test_a_timeline_gives_every_moment_and_program_to_one_phase(compile_, monkeypatch):
    started = importlib.import_module("benchmarks.speed.started")
    moments = iter([11.0, 14.0, 15.0])
    monkeypatch.setattr(started.time, "time", lambda: next(moments))
    timeline = started.Timeline(10.0)
    timeline.mark("imports")
    timeline.heard("/jax/core/compile/backend_compile_duration", 2.0, fun_name="f")
    timeline.heard("/jax/something/else", 9.0)
    timeline.mark("data")
    timeline.mark("imports")
    assert timeline.phases == {"imports": 2.0, "data": 3.0}
    (only,) = timeline.compiled
    assert (only["name"], only["phase"]) == ("f", "data")


def test_imports_are_summed_by_package(compile_):
    found = compile_.import_seconds()
    assert {"jax", "numpy"} <= set(found)
    assert all(seconds > 0 for seconds in found.values())


@pytest.mark.slow
def test_a_warm_start_compiles_the_same_programs_and_reads_some(compile_, tmp_path):
    command = [
        "search",
        "configs/quickstart_scratch.yaml",
        "--run-dir",
        str(tmp_path / "run"),
    ]
    command += ["--set", *compile_.NO_TRAINING, "search.population=2"]
    starts = []
    for name in ("cold", "warm"):
        command[3] = str(tmp_path / name)
        starts.append(compile_.run_marked(str(tmp_path), command, "first-score"))
    cold, warm = map(compile_.describe_starts, ([start] for start in starts))
    assert cold["programs"] == warm["programs"]
    assert cold["read_from_cache"] == 0 < warm["read_from_cache"]
    for found, start in zip((cold, warm), starts, strict=True):
        whole = sum(phase["seconds"] for phase in found["phases"].values())
        assert whole == pytest.approx(start["total"])
        assert {"learn", "evaluate", "judge"} <= set(found["phases"])
