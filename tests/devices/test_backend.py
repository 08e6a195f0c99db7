"""A platform that is not there, and a cache that has no place, are said in a line."""

import pathlib

import jax
import pytest

from xlnas_jax.devices import backend
from xlnas_jax.devices.backend import (
    CacheWarning,
    PlatformError,
    require_platform,
    use_compilation_cache,
)


@pytest.mark.parametrize(
    "error", [AssertionError(), RuntimeError("Unable to initialize\n 'cuda': none.")]
)
def test_a_platform_that_is_not_there_is_one_paragraph(error, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    with pytest.raises(PlatformError, match="JAX_PLATFORMS: must name") as found:
        require_platform()
    assert "\n" not in str(found.value)


@pytest.fixture
def no_variable(monkeypatch):
    monkeypatch.delenv(backend.CACHE_VARIABLE)
    told = {}
    monkeypatch.setattr(jax.config, "update", told.__setitem__)
    return told


def test_compiled_programs_are_kept_in_the_home_directory(
    no_variable, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    use_compilation_cache()
    folder = tmp_path / ".cache" / "xlnas_jax" / "compiled"
    assert folder.is_dir()
    assert no_variable["jax_compilation_cache_dir"] == str(folder)


def test_without_a_home_directory_nothing_is_kept_and_that_is_said(
    no_variable, monkeypatch
):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pathlib.Path, "home", fail)
    with pytest.warns(CacheWarning, match="Could not determine home"):
        use_compilation_cache()
    assert no_variable == {}


def test_a_file_in_place_of_the_cache_is_no_obstacle(
    no_variable, monkeypatch, tmp_path
):
    (tmp_path / ".cache").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.warns(CacheWarning, match="Not a directory"):
        use_compilation_cache()
    assert no_variable == {}
