"""`xlnas bench` finds benchmarks by their question and hands them their options."""

import json
import pathlib

import pytest

from xlnas_jax.cli import bench
from xlnas_jax.cli.main import OK, WRONG_INPUT, run

ECHO = '''"""What was I given?"""
import json, pathlib, sys
given = sys.argv[1:]
place = given.index("--out")
pathlib.Path(given[place + 1]).write_text(json.dumps({"given": given[:place]}))
'''
FAILING = '''"""Will it fail?"""
raise SystemExit(3)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch) -> pathlib.Path:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "echo.py").write_text(ECHO)
    (folder / "__init__.py").write_text("")
    (folder / "more").mkdir()
    (folder / "more" / "failing.py").write_text(FAILING)
    (folder / "shared.py").write_text('"""What others share."""\n')
    (folder / "bare.py").write_text("x = 1\n")
    monkeypatch.setattr(bench, "FOLDER", folder)
    return folder


def test_the_checkout_has_every_benchmark():
    names = set(bench.benchmarks_in(bench.FOLDER))
    assert {"roofline", "memory", "overhead", "compile"} <= names
    assert not {"harness", "environment", "problems"} & names


def test_files_that_ask_nothing_are_no_benchmarks(folder):
    assert list(bench.benchmarks_in(folder)) == ["echo", "failing"]


def test_options_are_passed_through_and_the_result_is_printed(folder, capfd):
    assert run(["bench", "echo", "--", "--quick", "--shape", "tiny"]) == OK
    printed = json.loads(capfd.readouterr().out)
    assert printed == {"given": ["--quick", "--shape", "tiny"]}


def test_a_file_is_written_where_one_is_named(folder, tmp_path, capfd):
    assert run(["bench", "echo", "--json", str(tmp_path / "found.json")]) == OK
    assert json.loads((tmp_path / "found.json").read_text()) == {"given": []}
    assert capfd.readouterr().out == ""


def test_an_unknown_name_is_refused_with_the_known_ones(folder, capsys):
    assert run(["bench", "speed"]) == WRONG_INPUT
    assert "'speed' is no benchmark. Use one of echo, failing." in (
        capsys.readouterr().err
    )


def test_without_a_checkout_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "nowhere")
    assert run(["bench", "roofline"]) == WRONG_INPUT
    error = capsys.readouterr().err
    assert "installed without them" in error
    assert "checkout of the repository" in error


def test_a_benchmark_that_fails_fails_the_command(folder, capfd):
    assert run(["bench", "failing"]) == WRONG_INPUT
    assert "bench failing: must end with exit code 0; got 3" in capfd.readouterr().err
