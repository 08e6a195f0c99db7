"""Hub data sets, through the real `datasets`, offline."""

import dataclasses
import os
from pathlib import Path

import pytest

from xlnas_jax.config.data import HubData
from xlnas_jax.data.examples import Examples
from xlnas_jax.data.hub import make_hub_source
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.types import DataError

datasets = pytest.importorskip("datasets")

ROWS = {
    "eng_Latn": [("1", "sports", "a match"), ("2", "health", "a cure")],
    "deu_Latn": [("1", "sports", "ein Spiel"), ("2", "health", "eine Kur")],
}
SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def card(features: str = "") -> str:
    configs = "".join(
        f"- config_name: {form}\n  data_files:\n"
        + "".join(
            f"  - split: {split}\n    path: data/{form}/{split}.tsv\n"
            for split in SPLITS
        )
        + '  sep: "\\t"\n'
        for form in ROWS
    )
    return f"---\n{features}configs:\n{configs}---\n# Topics\n"


CLASSES = "dataset_info:\n" + "".join(
    f"- config_name: {form}\n  features:\n"
    "  - name: index_id\n    dtype: int64\n"
    "  - name: category\n    dtype:\n      class_label:\n        names:\n"
    "          '0': sports\n          '1': health\n"
    "  - name: text\n    dtype: string\n"
    for form in ROWS
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The layout of hub id Davlan/sib200, in small."""
    root = tmp_path / "sib200"
    for form, rows in ROWS.items():
        for split in SPLITS:
            path = root / "data" / form / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                "\t".join(row) for row in [("index_id", "category", "text"), *rows]
            ]
            path.write_text("\n".join(lines) + "\n")
    (root / "README.md").write_text(card())
    return root


def config(folder: Path, **changes) -> HubData:
    data = HubData(str(folder), label_column="category", id_column="index_id")
    return dataclasses.replace(data, **changes)


def test_configurations_are_languages_and_strings_are_labels(folder: Path) -> None:
    source = make_hub_source(config(folder), "en")
    german = source.read("de", "dev")
    assert source.languages() == ("de", "en")
    assert source.labels == ("health", "sports")
    assert german.texts == ("ein Spiel", "eine Kur")
    assert german.ids == ("1", "2")
    assert german.labels.tolist() == [1, 0]


def test_declared_class_names_keep_their_order(folder: Path) -> None:
    (folder / "README.md").write_text(card(CLASSES))
    source = make_hub_source(config(folder), "en")
    assert source.labels == ("sports", "health")
    assert source.read("de", "test").labels.tolist() == [0, 1]


def test_parquet_folders_are_read_too(tmp_path: Path) -> None:
    root = tmp_path / "parquet"
    for form, rows in ROWS.items():
        for split in SPLITS:
            table = datasets.Dataset.from_dict(
                {"text": [row[2] for row in rows], "label": [row[1] for row in rows]}
            )
            (root / form).mkdir(parents=True, exist_ok=True)
            table.to_parquet(str(root / form / f"{split}-00000-of-00001.parquet"))
    configs = "".join(f"- config_name: {form}\n  data_dir: {form}\n" for form in ROWS)
    (root / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    source = make_hub_source(HubData(str(root)), "en")
    assert source.read("de", "train").texts == ("ein Spiel", "eine Kur")
    assert source.read("de", "train").ids == ("0", "1")


@pytest.mark.parametrize(
    ("changes", "language", "told"),
    [
        ({}, "fr", "French"),
        ({"config": "topics_{language}"}, "en", "no language at all"),
        ({"test_split": "exam"}, "en", "exam"),
        ({"text_column": "sentence"}, "en", "'sentence'"),
        ({"label_column": "topic"}, "en", "'topic'"),
        ({"text_column": "index_id"}, "en", "must hold text"),
        ({"labels": ("sports",)}, "en", "'health'"),
    ],
)
def test_what_is_missing_is_told_in_one_paragraph(
    folder: Path, changes: dict[str, str], language: str, told: str
) -> None:
    with pytest.raises(DataError) as error:
        make_hub_source(config(folder, **changes), "en").read(language, "test")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("empty", [None, "", "None", float("nan")])
def test_absent_labels_of_a_column_are_faults(tmp_path: Path, empty: object) -> None:
    rest = [1.0, 2.0] if isinstance(empty, float) else ["x", "y "]
    columns = {"text": ["a", "b", "c", None], "label": [empty, *rest, rest[0]]}
    root = tmp_path / "columns"
    (root / "en").mkdir(parents=True)
    datasets.Dataset.from_dict(columns).to_parquet(str(root / "en" / "train.parquet"))
    (root / "README.md").write_text(
        "---\nconfigs:\n- config_name: en\n  data_dir: en\n---\n"
    )
    with pytest.raises(DataError, match=r"row 0: every example must have a label"):
        make_hub_source(HubData(str(root)), "en")
    source = make_hub_source(HubData(str(root)), "en", skip=True)
    assert source.labels == (("1.0", "2.0") if isinstance(empty, float) else ("x", "y"))
    report = source.read("en", "train").report
    assert (report.rows, report.kept) == (4, 2)
    assert report.rejected == {"no label": 1, "text of a wrong kind": 1}


def test_files_that_were_corrected_are_read_again(folder: Path) -> None:
    def texts() -> tuple[str, ...]:
        source = make_hub_source(config(folder), "en")
        found = source.read("en", "train")
        assert isinstance(found, Examples)
        return found.texts

    path = folder / "data/eng_Latn/train.tsv"
    state = path.stat()
    assert texts() == ("a match", "a cure")
    path.write_text(path.read_text().replace("a cure", "a pill"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # as cp -p and rsync do
    assert texts() == ("a match", "a pill")
    os.mkfifo(folder / "more.tsv")
    with pytest.raises(DataError, match=r"more\.tsv', which is a FIFO"):
        texts()
    (folder / "more.tsv").unlink()
    path.with_suffix(".parquet").write_bytes(b"garbage")
    (folder / "README.md").write_text(card().replace("tsv", "parquet"))
    with pytest.raises(DataError, match="must be able to") as error:
        texts()
    assert "\n" not in str(error.value) and len(str(error.value)) < 1500


def test_a_folder_may_be_the_one_we_are_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert len(make_hub_source(config(Path(".")), "en").read("de", "train")) == 2


def test_no_network_is_told_in_one_paragraph() -> None:
    with pytest.raises(DataError, match="network") as error:
        make_hub_source(HubData("nobody/no-such-data"), "en")
    assert "nobody/no-such-data" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_split_that_there_is_not_is_told_from_one_that_is_damaged(
    folder: Path,
) -> None:
    source = make_hub_source(config(folder, dev_split="exam"), "en")
    with pytest.raises(NotThereError, match="read split 'exam' of 'deu_Latn'"):
        source.read("de", "dev")
    (folder / "data/deu_Latn/test.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError) as found:
        source.read("de", "test")
    assert not isinstance(found.value, NotThereError)
