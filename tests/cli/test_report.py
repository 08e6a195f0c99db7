"""`xlnas report` of a real search."""

import json

from xlnas_jax.cli.main import WRONG_INPUT, run


def test_a_search_is_drawn_as_its_front_says(searched, tmp_path, capsys):
    run_dir = searched / "run"
    assert run(["report", str(run_dir), "--out", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    assert f"Report: {tmp_path / 'report.html'}" in printed.err.replace("\n", "")
    content = json.loads(printed.out)
    front = json.loads((run_dir / "front.json").read_text())
    drawn = content["data"]["networks"]
    points = [*front["baselines"].values(), *front["points"]]
    assert [row["id"] for row in drawn] == [point["id"] for point in points]
    for row, point in zip(drawn, points, strict=True):
        values = row["values"]
        assert values.items() >= {**point["costs"], **point["objectives"]}.items()
        assert row["kept"] == point["architecture"]["keep"]
    versions = dict(content["runs"][0]["versions"])
    assert {"python", "devices", "jax", "xlnas-jax"} <= versions.keys()
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"front.png", "front.svg", "languages.png", "pick-best.svg"} <= names


def test_numbers_alone_write_nothing(searched, capsys):
    before = sorted(path.name for path in (searched / "run").iterdir())
    assert run(["report", str(searched / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == 1
    assert sorted(path.name for path in (searched / "run").iterdir()) == before


def test_a_search_goes_on_where_a_report_lies(searched, capsys):
    run_dir = searched / "run"
    (run_dir / "report.html").write_text("")
    (run_dir / "plots").mkdir()
    arguments = ["search", str(searched / "config.yaml"), "--run-dir", str(run_dir)]
    assert run(arguments) == 0


def test_what_is_no_run_is_one_paragraph(tmp_path, capsys):
    assert run(["report", str(tmp_path)]) == WRONG_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert "must be the directory of a run" in line
    assert list(tmp_path.iterdir()) == []
