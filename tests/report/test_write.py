"""Where a report goes, and what stands in its way."""

import builtins

import pytest

from tests.report.material import make_run
from xlnas_jax.report.content import make_content
from xlnas_jax.report.found import read_found
from xlnas_jax.report.pictures import require_drawing
from xlnas_jax.report.write import place_of, write_report
from xlnas_jax.types import CheckpointError, ConfigError


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Of a run with one curve to draw."""
    run = make_run(tmp_path_factory.mktemp("begun") / "run", rounds=2)
    return make_content(read_found([run]))


def test_the_page_and_two_pictures_of_every_figure_are_written(begun, tmp_path):
    page, *plots = write_report(begun, tmp_path / "new" / "place")
    assert page == tmp_path / "new" / "place" / "report.html"
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert {path.parent for path in plots} == {page.parent / "plots"}
    assert [path.name for path in plots] == ["curve-loss.svg", "curve-loss.png"]
    for path in plots:
        start = {"svg": b"<svg", "png": b"\x89PNG"}[path.suffix[1:]]
        assert path.read_bytes().startswith(start)


def test_what_links_lead_to_is_never_written(begun, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine.html").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").symlink_to(tmp_path / "mine.html")
    (out / "plots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="it is a link"):
        write_report(begun, out)
    (out / "plots").unlink()
    write_report(begun, out)
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(begun, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_report(begun, tmp_path / "file")


def test_a_report_goes_into_its_run_or_beside_several(tmp_path):
    runs = [tmp_path / "a", tmp_path / "b"]
    assert place_of(runs[:1], None) == tmp_path / "a"
    assert place_of(runs, None) == tmp_path
    assert place_of(runs, tmp_path / "out") == tmp_path / "out"
    with pytest.raises(ConfigError, match="--out: must be given"):
        place_of([*runs, tmp_path / "c" / "d"], None)


def test_what_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "vl_convert":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'xlnas-jax\[report\]'"):
        require_drawing()
