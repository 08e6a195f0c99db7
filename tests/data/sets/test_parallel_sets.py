"""Named parallel text: every pair, read whole."""

import json
from pathlib import Path

import pytest

from xlnas_jax.data.parallel import read_parallel, read_verses
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.sets.registry import find
from xlnas_jax.languages.codes import normalise


def entries(shared: Path, name: str) -> list[dict]:
    index = json.loads((shared / "data/INDEX.json").read_text())
    found = next(item for item in index["datasets"] if item["name"] == name)
    return found["languages"]


def test_every_tatoeba_pair_equals_the_index(shared: Path) -> None:
    folder = str(shared / "data/tatoeba")
    expected, found = {}, {}
    for entry in entries(shared, "tatoeba"):
        listed = entry["splits"]["test"]
        form = listed["path"].rsplit(".", 1)[1]
        code = "x-kzj" if form == "kzj" else form
        text = read_parallel("tatoeba", folder, code, "eng")
        expected[form] = (listed["rows"], {})
        found[form] = (len(text), dict(text.report.notes))
    assert found == expected
    assert len(found) == 98


def test_tatoeba_pairs_do_not_mix(shared: Path) -> None:
    lines = (shared / "data/tatoeba/tatoeba.deu-eng.eng").read_text().splitlines()
    text = read_parallel("tatoeba", str(shared / "data/tatoeba"), "en", "de")
    assert list(text.sources) == lines


@pytest.mark.slow
def test_every_bible_equals_the_index(shared: Path) -> None:
    folder = shared / "data/bible"
    expected, found = {}, {}
    for entry in entries(shared, "bible"):
        listed = entry["splits"]["all"]
        form = f"{entry['iso639_3']}_{entry['script']}"
        verses = read_verses(str(folder / f"{form}.tsv.gz"), Faults())
        text = read_parallel("bible", str(folder), form, "eng_Latn")
        expected[form] = (listed["rows"], listed["rows_shared_with_eng"])
        found[form] = (len(verses), len(text))
        assert set(text.ids) <= set(verses)
        assert text.source_language == normalise(form)
        alone = text.report.notes.get("verse of one language only, left out", 0)
        assert text.report.rows == text.report.kept + alone
    assert found == expected
    assert len(found) == 34


def test_flores_and_opus_files_are_found(tmp_path: Path) -> None:
    files = {
        "devtest/eng_Latn.devtest": "a\n",
        "devtest/zho_Hans.devtest": "b\n",
        "devtest/zho_Hant.devtest": "c\n",
        "supervised/de-en/opus.de-en-train.de": "d\n",
        "supervised/de-en/opus.de-en-train.en": "e\n",
        "supervised/en-fr/opus.en-fr-train.fr": "f\n",
        "supervised/en-fr/opus.en-fr-train.en": "g\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder = str(tmp_path)
    flores = read_parallel("flores200", folder, "zh-Hant", "zh", "test")
    assert (flores.sources, flores.targets) == (("c",), ("b",))
    german = read_parallel("opus100", folder, "de", "en", "train")
    french = read_parallel("opus100", folder, "fr", "en", "train")
    assert (german.sources, german.targets) == (("d",), ("e",))
    assert (french.sources, french.targets) == (("f",), ("g",))


@pytest.mark.parametrize("name", ["tatoeba", "flores200", "bible", "opus100"])
def test_a_set_says_what_a_reader_must_know(name: str) -> None:
    data_set = find(name)
    assert data_set.task == "parallel"
    assert data_set.source.startswith("https://")
    assert all((data_set.licence, data_set.paper, data_set.files, data_set.quirks))
