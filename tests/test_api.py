"""The calls are the commands: one path, the same options, the same bytes."""

import dataclasses
import doctest
import inspect
import json
import shutil
from pathlib import Path

import pytest

import xlnas_jax
from tests.experiments import tiny_config
from xlnas_jax import api
from xlnas_jax.cli.commands import COMMANDS
from xlnas_jax.cli.main import run
from xlnas_jax.config.reading.file import to_mapping
from xlnas_jax.types import CheckpointError, ConfigError, XlnasError

# What an option is called in Python; None: what it is for is had otherwise there.
NAMES = {
    "search": {"set": "changes", "dry_run": None},
    "export": {"run_dir": "run"},
    "evaluate": {"language": "languages", "json": None},
}


@pytest.fixture
def place(searched, tmp_path, monkeypatch) -> Path:
    """A folder with a finished run, that the test may write to and works in."""
    folder = Path(shutil.copytree(searched, tmp_path / "place"))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_call_takes_what_its_command_takes(name: str) -> None:
    names = NAMES[name]
    options = {
        names.get(one.name, one.name): one.default
        for one in dataclasses.fields(COMMANDS[name])
        if names.get(one.name, one.name) is not None
    }
    given = inspect.signature(getattr(api, name)).parameters
    assert set(given) - {"show"} == set(options)
    for option, one in given.items():
        # What must be given, and what stands for nothing, differ in form alone.
        if option == "show" or not options[option]:
            continue
        if options[option] is not dataclasses.MISSING:
            assert one.default == options[option], option
    assert given["show"].default is False


def test_a_command_calls_the_function_of_its_name(place, monkeypatch, capsys) -> None:
    called = {}

    def stand_in(name, result):
        def call(*given, **named):
            signature = inspect.signature(real[name]).bind(*given, **named)
            called[name] = signature.arguments
            return result

        return call

    real = {name: getattr(api, name) for name in NAMES}
    found = api.FinishedRun.read("run")
    scores = {"es": {"examples": 3, "accuracy": 0.125}}
    results = {"search": found, "export": Path("made"), "evaluate": scores}
    for name, result in results.items():
        monkeypatch.setattr(api, name, stand_in(name, result))

    changed = ["--set", "search.rounds=7", "--skip-bad-rows"]
    assert run(["search", "config.yaml", "--run-dir", "run", *changed]) == 0
    assert "uniform scaling" in capsys.readouterr().out
    config = called["search"].pop("config")
    assert (config.search.rounds, config.skip_bad_rows) == (7, True)
    assert called["search"] == {"run_dir": Path("run"), "show": True}

    chosen = ["--pick", "knee", "--formats", "onnx", "--dtype", "bf16"]
    assert run(["export", "run", "--out", "there", *chosen]) == 0
    assert capsys.readouterr().out == "made\n"
    assert called["export"] == {
        "run": Path("run"),
        "out": Path("there"),
        "pick": "knee",
        "formats": ("onnx",),
        "dtype": "bf16",
        "show": True,
    }

    asked = ["--data", "names.tsv", "--language", "es", "--text-column", "body"]
    assert run(["evaluate", "a", "b", *asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scores
    given = called["evaluate"]
    assert given["model"] == (Path("a"), Path("b"))
    assert (given["languages"], given["text_column"]) == (("es",), "body")


def test_examples_of_the_calls_run(place) -> None:
    calls = api.search, api.export, api.evaluate, api.load, api.FinishedRun
    runner = doctest.DocTestRunner()
    for call in calls:
        found = doctest.DocTestFinder(recurse=False).find(call, call.__name__, globs={})
        assert sum(len(one.examples) for one in found) >= 2, call
        for one in found:
            runner.run(one)
    assert runner.summarize().failed == 0


def test_a_search_from_python_gives_the_bytes_of_the_command(
    searched, tmp_path, capfd
) -> None:
    config = {**to_mapping(tiny_config()), "search": {"population": 6}}
    own = to_mapping(tiny_config().search)
    changes = {f"search.{name}": value for name, value in own.items()}

    found = api.search(config, tmp_path / "run", changes)

    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    front = (tmp_path / "run" / "front.json").read_bytes()
    assert front == (searched / "run" / "front.json").read_bytes()
    assert found.document["points"] == found.points
    assert found.model == tmp_path / "run" / "model"
    assert found == api.FinishedRun.read(tmp_path / "run")


def test_a_run_is_plain_data_sorted_by_what_is_minimised_first(place) -> None:
    found = api.FinishedRun.read("run")
    assert json.loads(json.dumps(found.points)) == found.points
    errors = [point["objectives"]["error"] for point in found.points]
    assert errors == sorted(errors) and found.best == found.points[0]
    sizes = [point["costs"]["params"] for point in found.points]
    assert found.smallest["costs"]["params"] == min(sizes)
    assert found.knee in found.points
    assert found.point(found.knee["id"]) == found.knee
    assert "points" not in repr(found)


def test_nothing_is_printed_unless_it_is_asked_for(place, capfd) -> None:
    path = api.export(api.FinishedRun.read("run"), "out", "smallest")
    scores = api.evaluate(api.load(path), tiny_config(), "es")
    assert capfd.readouterr() == ("", "")
    assert scores == api.evaluate("out", "config.yaml", ["es"])
    # A model that is not whole is exported again, which is said.
    shutil.rmtree("run/model")
    api.search("config.yaml", "run", show=True)
    assert "The model is exported again" in capfd.readouterr().err


def test_what_can_be_mended_is_raised(place, tmp_path) -> None:
    empty = {"model": {"kind": "scratch"}, "languages": None}
    with pytest.raises(ConfigError, match="languages: must be given"):
        api.search(empty, tmp_path / "run")
    with pytest.raises(ConfigError, match="run_dir: must be given where"):
        api.search(tiny_config())
    with pytest.raises(CheckpointError, match="holds a different config"):
        api.search("config.yaml", "run", {"search.rounds": 5})
    with pytest.raises(ConfigError, match="or the id of a point on the front"):
        api.export("run", "out", "nothing")
    with pytest.raises(CheckpointError, match="must be the directory of an exported"):
        api.evaluate("nowhere", "config.yaml")
    with pytest.raises(ConfigError, match="got one that is loaded"):
        api.evaluate(api.load("run/model"), "config.yaml", form="onnx")
    with pytest.raises(ConfigError, match="at least one directory"):
        api.evaluate([], "config.yaml")
    Path("run/front.json").unlink()
    for ask in (api.FinishedRun.read, lambda folder: api.export(folder, "out")):
        with pytest.raises(CheckpointError, match="the search must be finished"):
            ask("run")
    assert issubclass(ConfigError, XlnasError)


def test_a_run_is_kept_under_the_name_of_its_file() -> None:
    assert api.usual_place("configs/mine.yaml") == Path("runs/mine")


def test_the_package_hands_the_calls_out() -> None:
    assert xlnas_jax.api is api
    assert xlnas_jax.FinishedRun is api.FinishedRun
    assert api.load is xlnas_jax.load
