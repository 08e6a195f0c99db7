"""One finished search for all tests that look at a run."""

import pathlib
import shutil

import filelock
import pytest

from tests.experiments import tiny_config
from xlnas_jax.cli.main import run
from xlnas_jax.config.reading.file import dump_config


@pytest.fixture(scope="session")
def searched(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> pathlib.Path:
    """A folder with `config.yaml` and the finished `run` of it, to be read alone."""
    place = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        place = place.parent  # that of all workers: the first searches for them
    folder, own = place / "searched", tmp_path_factory.mktemp("own")
    with filelock.FileLock(place / "searched.lock"):
        if not folder.exists():
            folder.mkdir()
            (folder / "config.yaml").write_text(dump_config(tiny_config()))
            config, run_dir = str(folder / "config.yaml"), str(folder / "run")
            assert run(["search", config, "--run-dir", run_dir]) == 0
    # A run belongs to one process at a time.
    return shutil.copytree(folder, own / "searched")
