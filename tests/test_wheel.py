"""What is installed from a wheel works outside of the repository."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.drafts.material import rows, write_table

ROOT = Path(__file__).resolve().parent.parent
RUN = "import sys; from xlnas_jax.cli.main import main; main(sys.argv[1:])"


@pytest.mark.slow
def test_a_newcomer_gets_from_a_wheel_to_a_sound_configuration(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "installed"
    ZipFile(wheel).extractall(place)
    outside = tmp_path / "outside"
    outside.mkdir()
    write_table(outside / "all.tsv", rows())

    def xlnas(*given: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", RUN, *given],
            cwd=outside,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert xlnas("--version").startswith("xlnas 0.1.0\n")
    asked = ("--data", "all.tsv", "--model", "scratch", "--budget", "0.5")
    assert "Written: config.yaml" in xlnas("init", *asked)
    assert "Nothing stands in the way" in xlnas("search", "config.yaml", "--dry-run")
    # It was the installed one that ran.
    where = [sys.executable, "-c", "import xlnas_jax; print(xlnas_jax.__file__)"]
    env = {**os.environ, "PYTHONPATH": str(place)}
    found = subprocess.run(where, cwd=outside, env=env, capture_output=True, text=True)
    assert found.stdout.startswith(str(place))
