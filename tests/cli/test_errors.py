"""Nonsense: exit code 2, one paragraph on stderr, the run directory intact."""

import pathlib
import warnings

import pytest

from tests.experiments import tiny_config
from xlnas_jax.cli.main import run
from xlnas_jax.config.reading.file import dump_config

ROWS = "index_id\tcategory\ttext\n1\tsports\tA match.\n2\ttravel\tA trip.\n"


def snapshot(folder: pathlib.Path) -> dict[str, bytes]:
    """What lies there; a lock says who looked last."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    return {str(p): p.read_bytes() for p in paths}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(tiny_config()))
    return path


@pytest.fixture
def table(tmp_path):
    """A small data set in SIB-200's layout, and a configuration that reads it."""
    for language in ("eng_Latn", "fra_Latn", "spa_Latn"):
        folder = tmp_path / "data" / language
        folder.mkdir(parents=True)
        for split in ("train", "dev", "test"):
            (folder / f"{split}.tsv").write_text(ROWS)
    text = f"""
languages: {{source: en, aux_heldout: [fr], target: [es]}}
data: {{kind: table, preset: sib200, path: {tmp_path / "data"}}}
model: {{kind: scratch, layers: 2, width: 16, heads: 2, ffn: 32, vocab_size: 40}}
search: {{rounds: 1, weight_steps: 1, population: 2}}
"""
    path = tmp_path / "table.yaml"
    path.write_text(text)
    return path


def fails(arguments: list[str], capsys) -> str:
    """The one paragraph that a failing command prints."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if "warning:" not in line]
    paragraph = [line for line in lines if line.startswith("xlnas: ")]
    assert len(paragraph) == 1 and "Traceback" not in captured.err
    return paragraph[0]


OPTIONS = {
    "unknown key": ("search.rouds=3", "rounds"),
    "wrong type": ("search.rounds=many", "search.rounds"),
    "heads that do not divide": ("model.heads=3", "must divide width 16"),
    "a choice the model lacks": ("space.heads=[1, 5]", "space.heads"),
    "a size too large": ("tokens.max_length=1", "tokens.max_length"),
    "unknown language": ("languages.target=[qqq, es]", "qqq"),
    "a language in two roles": ("languages.target=[fr]", "fr"),
    "unknown objective": ("search.objectives=[eror]", "eror"),
    "unknown strategy": ("controller.kind=dance", "dance"),
    "unknown cost": ("constraints.parms=3", "params"),
    "a limit on what is no cost": (
        "constraints.speed=3",
        "Known here: params, encoder_params, flops, memory_bytes, latency_ms",
    ),
    "infeasible limit": ("constraints.encoder_params=3", "smallest possible value"),
    "no such data": ("data.kind=tables", "table"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_make_no_sense(case, config, tmp_path, capsys):
    option, expected = OPTIONS[case]
    run_dir = tmp_path / "run"
    arguments = ["search", str(config), "--run-dir", str(run_dir), "--set", option]
    assert expected in fails(arguments, capsys)
    assert not run_dir.exists()


FILES = {
    "unknown label": ("fra_Latn/dev.tsv", ROWS + "3\tcooking\tA dish.\n", "cooking"),
    "missing column": (
        "fra_Latn/dev.tsv",
        ROWS.replace("category", "topic"),
        "category",
    ),
    "empty split": ("fra_Latn/dev.tsv", "index_id\tcategory\ttext\n", "dev.tsv"),
    "malformed row": ("eng_Latn/train.tsv", ROWS + "3\tsports\n", "train.tsv, line 4"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_not_what_was_declared(case, table, tmp_path, capsys):
    name, content, expected = FILES[case]
    (tmp_path / "data" / name).write_text(content)
    arguments = ["search", str(table), "--run-dir", str(tmp_path / "run")]
    assert expected in fails(arguments, capsys)


def test_broken_utf8_names_file_and_line(table, tmp_path, capsys):
    path = tmp_path / "data" / "eng_Latn" / "train.tsv"
    path.write_bytes(ROWS.encode() + b"3\tsports\t\xff\xfe\n")
    arguments = ["search", str(table), "--run-dir", str(tmp_path / "run")]
    assert "train.tsv, line 4" in fails(arguments, capsys)


def test_a_missing_file_is_named(table, tmp_path, capsys):
    (tmp_path / "data" / "eng_Latn" / "train.tsv").unlink()
    arguments = ["search", str(table), "--run-dir", str(tmp_path / "run")]
    assert "English (en)" in fails(arguments, capsys)


def test_missing_configuration_model_and_run_are_named(tmp_path, capsys):
    missing = str(tmp_path / "nothing")
    for arguments in (
        ["search", missing + ".yaml"],
        ["describe", missing + ".yaml"],
        ["predict", missing],
        ["evaluate", missing, "--data", missing + ".yaml"],
        ["export", missing, "--out", str(tmp_path / "out")],
    ):
        assert "nothing" in fails(arguments, capsys)


def test_what_a_message_repeats_does_not_steer_the_terminal(capsys):
    message = fails(["describe", "a\x1b[2J\nb\udcff.yaml"], capsys)
    assert r"a\x1b[2J\nb\udcff.yaml" in message


def test_another_config_in_the_run_directory_leaves_it_intact(searched, capsys):
    run_dir = searched / "run"
    arguments = ["search", str(searched / "config.yaml"), "--run-dir", str(run_dir)]
    before = snapshot(run_dir)
    message = fails([*arguments, "--set", "seed=7"], capsys)
    assert "different config" in message and "seed" in message
    assert snapshot(run_dir) == before


def test_a_directory_that_is_no_run_is_left_alone(config, tmp_path, capsys):
    run_dir = tmp_path / "thesis"
    run_dir.mkdir()
    (run_dir / "chapter.txt").write_text("precious")
    message = fails(["search", str(config), "--run-dir", str(run_dir)], capsys)
    assert "must be empty or hold a run" in message
    assert snapshot(run_dir) == {str(run_dir / "chapter.txt"): b"precious"}


@pytest.mark.filterwarnings("default::xlnas_jax.data.tokens.coverage.TokenizerWarning")
def test_a_tokenizer_that_does_not_know_a_script_is_warned_of(config, tmp_path, capsys):
    option = "languages.aux_heldout=[ka]"
    arguments = ["search", str(config), "--run-dir", str(tmp_path / "run")]
    shown = warnings.showwarning
    assert run([*arguments, "--set", option, "--dry-run"]) == 0
    assert "xlnas: warning: the tokenizer" in (error := capsys.readouterr().err)
    assert "Georgian" in error and "<unk>" in error
    assert warnings.showwarning is shown


def test_predict_names_the_line_that_is_not_utf8(searched, tmp_path, capsys):
    texts = tmp_path / "texts.txt"
    texts.write_bytes(b"fine\n\xff\n")
    assert run(["predict", str(searched / "run" / "model"), str(texts)]) == 2
    shown = capsys.readouterr()
    assert "texts.txt, line 2" in shown.err
    assert len(shown.out.splitlines()) == 1  # what was read before is written
