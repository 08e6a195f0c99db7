"""What the command says of itself, and what a shell makes of it."""

import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from xlnas_jax.cli.about import completion_of
from xlnas_jax.cli.main import WRONG_INPUT, run

# Asks as the shell does when the tab key is pressed: words, and which one is begun.
ASK = """
ask() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  $completer
  echo "${COMPREPLY[@]}"
}
completer=$(complete -p xlnas | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"""


def test_versions_are_those_installed_and_nothing_is_imported_for_them():
    code = (
        "import sys\n"
        "from xlnas_jax.cli.main import run\n"
        "assert run(['--version']) == 0\n"
        "assert not {'jax', 'flax', 'numpy', 'tyro'} & set(sys.modules)\n"
    )
    given = [sys.executable, "-c", code]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    first, *others = done.stdout.splitlines()
    assert first == f"xlnas {version('xlnas-jax')}"
    for name in ("jax", "jaxlib", "flax"):
        assert f"{name} {version(name)}" in others


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_commands_their_options_and_files(tmp_path):
    (tmp_path / "quick.yaml").touch()
    asked = (
        ("xlnas", "sea"),
        ("xlnas", "search", "--ru"),
        ("xlnas", "export", "runs/a", "--pi"),
        ("xlnas", "evaluate", "m", "--sk"),
        ("xlnas", "search", "c.yaml", "--run-dir", "qui"),
        ("xlnas", "nonsense"),
    )
    lines = [" ".join(["ask", *(f'"{word}"' for word in one)]) for one in asked]
    script = "\n".join([completion_of(["bash"]), ASK, *lines])
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "search",
        "--run-dir",
        "--pick",
        "--skip-bad-rows",
        "quick.yaml",
        "",
    ]


def test_zsh_gets_a_script_of_its_own():
    script = completion_of(["zsh"])
    assert script.startswith("#compdef xlnas")
    assert "--skip-bad-rows" in script
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("given", [["tcsh"], [], ["bash", "zsh"], [""]])
def test_another_shell_is_refused_in_one_line(given, capsys):
    assert run(["--completion", *given]) == WRONG_INPUT
    said = capsys.readouterr().err
    assert "bash and zsh" in said
    assert said.count("\n") == 1


def test_both_spellings_of_an_option_count(capsys):
    assert run(["--completion=bash"]) == 0
    assert capsys.readouterr().out == completion_of(["bash"])
