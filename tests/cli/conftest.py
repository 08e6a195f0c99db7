"""One finished search for all tests that look at a run."""

import pathlib

import pytest

from tests.experiments import tiny_config
from xlnas_jax.cli.main import run
from xlnas_jax.config_file import dump_config


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with `config.yaml` and the finished `run` of it, to be read alone."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "config.yaml").write_text(dump_config(tiny_config()))
    config, run_dir = str(folder / "config.yaml"), str(folder / "run")
    assert run(["search", config, "--run-dir", run_dir]) == 0
    return folder
