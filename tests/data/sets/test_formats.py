"""Data sets whose files cannot be passed on are read from invented ones."""

from pathlib import Path

import pytest

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import Examples, TaggedExamples
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.readers.columns import WITHHELD
from xlnas_jax.types import DataError

XNLI_COLUMNS = (
    "language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpairID\n"
)
CONLLU = (
    "# sent_id = a-1\n# text = Vámonos al mar\n"
    "1-2\tVámonos\t_\t_\t_\n1\tVamos\tir\tVERB\tx\n2\tnos\tél\tPRON\tx\n"
    "3-4\tal\t_\t_\t_\n3\ta\ta\tADP\tx\n4\tel\tel\tDET\tx\n5\tmar\tmar\tNOUN\tx\n"
    "5.1\tvoy\tir\tVERB\tx\n\n"
)


def fill(folder: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return str(folder)


def read(folder: Path, name: str, files: dict[str, str], language: str, split: str):
    source = make_set_source(SetData(name, path=fill(folder, files)), "en", False)
    return source, source.read(language, split)  # type: ignore[arg-type]


def tags_of(source, examples: TaggedExamples) -> list[list[str]]:
    return [[source.labels[tag] for tag in tags] for tags in examples.tags]


def test_xnli_rows_of_one_language_are_taken_from_the_file_of_all(
    tmp_path: Path,
) -> None:
    rows = (
        'en\tneutral\t( x )\tA man\tA "tall man\t7\n'
        "en\tentailment\t( x )\tHe ran\tHe moved\t9\n"
        "de\tneutral\t( x )\tEin Mann\tEin großer Mann\t7\n"
    )
    files = {"XNLI-1.0/xnli.dev.tsv": XNLI_COLUMNS + rows}
    files["XNLI-MT-1.0/multinli/multinli.train.en.tsv"] = (
        "premise\thypo\tlabel\nIt rains\tIt is dry\tcontradictory\n"
    )
    source, german = read(tmp_path, "xnli", files, "de", "dev")
    assert (german.ids, german.pairs) == (("7",), ("Ein großer Mann",))
    english = source.read("en", "dev")
    assert isinstance(english, Examples)
    assert english.ids == ("7", "9") and english.pairs == ('A "tall man', "He moved")
    train = source.read("en", "train")
    assert source.labels[train.labels[0]] == "contradiction"
    assert train.report.notes == {"contradictory read as contradiction": 1}
    with pytest.raises(DataError, match=r"split 'train' of 'de'.*that split of en"):
        source.read("de", "train")


def test_pawsx_trains_on_english_or_its_translation(tmp_path: Path) -> None:
    header = "id\tsentence1\tsentence2\tlabel\n"
    files = {
        "en/train.tsv": header + "1\ta b\tb a\t0\n",
        "de/translated_train.tsv": header + "1\tx y\ty x\t0\n",
        "de/test_2k.tsv": header + "1\tp\tq\t1\n",
    }
    source, train = read(tmp_path, "pawsx", files, "de", "train")
    assert (train.texts, train.pairs) == (("x y",), ("y x",))
    assert source.read("en", "train").ids == ("1",)
    assert source.read("de", "test").labels.tolist() == [1]


def test_mldoc_has_no_header_and_names_of_languages(tmp_path: Path) -> None:
    files = {"german.train.1000": 'MCAT\tBörse "heute\nGCAT\tWahl\n'}
    source, train = read(tmp_path, "mldoc", files, "de", "train")
    assert [source.labels[i] for i in train.labels] == ["MCAT", "GCAT"]
    assert train.texts == ('Börse "heute', "Wahl")


def test_wikiann_words_lose_their_prefix_and_als_is_not_albanian(
    tmp_path: Path,
) -> None:
    files = {
        "zh-classical/test": "zh-classical:孔子\tB-PER\nzh-classical::\tO\n",
        "als/test": "als:Bärn\tB-LOC\n",
        "sq/test": "sq:Tiranë\tB-LOC\nsq:http://a\tO\n\n",
    }
    source, albanian = read(tmp_path, "wikiann", files, "sq", "test")
    assert source.languages() == ("gsw", "lzh", "sq")
    assert albanian.words == (("Tiranë", "http://a"),)
    assert source.read("lzh", "test").words == (("孔子", ":"),)
    assert source.read("gsw", "test").words == (("Bärn",),)


def test_masakhaner_folders_are_found_by_code(tmp_path: Path) -> None:
    files = {
        f"{form}/test.txt": "Accra B-LOC\nno O\n" for form in ("twi", "swa", "luo")
    }
    source, akan = read(tmp_path, "masakhaner", files, "ak", "test")
    assert source.languages() == ("ak", "luo", "sw")
    assert tags_of(source, akan) == [["B-LOC", "O"]]


def test_conll_reads_iob1_and_takes_its_types_from_training(tmp_path: Path) -> None:
    files = {
        "eng.train": "-DOCSTART- -X- O O\n\nU.N. NNP I-NP I-ORG\nrose VBD I-VP O\n\n"
        "Ann NN I-NP I-PER\nBob NN I-NP B-PER\n",
        "esp.testa": "Sao B-ORG\nPaulo I-ORG\n",
    }
    source, train = read(tmp_path, "conll", files, "en", "train")
    assert source.labels == ("O", "B-ORG", "I-ORG", "B-PER", "I-PER")
    assert tags_of(source, train) == [["B-ORG", "O"], ["B-PER", "B-PER"]]
    assert tags_of(source, source.read("es", "dev")) == [["B-ORG", "I-ORG"]]


def test_parts_of_speech_are_of_words_not_of_contractions(tmp_path: Path) -> None:
    withheld = "# sent_id = a-2\n1\t_\t_\tNOUN\tx\n2\t_\t_\tVERB\tx\n\n"
    files = {"UD_Spanish-X/es_x-ud-test.conllu": CONLLU + withheld}
    source, examples = read(tmp_path, "ud_pos", files, "es", "test")
    assert examples.ids == ("a-1",)
    assert examples.words == (("Vamos", "nos", "a", "el", "mar"),)
    assert tags_of(source, examples) == [["VERB", "PRON", "ADP", "DET", "NOUN"]]
    assert examples.report.notes == {WITHHELD: 1}
    assert len(source.labels) == 17 and "O" not in source.labels


def test_treebanks_of_one_language_are_joined_and_of_two_are_not(
    tmp_path: Path,
) -> None:
    line = "# sent_id = 1\n1\tord\tord\tNOUN\tx\n\n"
    files = {
        "UD_Norwegian-Bokmaal/no_bokmaal-ud-test.conllu": line,
        "UD_Norwegian-Nynorsk/no_nynorsk-ud-test.conllu": line,
        "UD_Norwegian-NynorskLIA/no_nynorsklia-ud-test.conllu": line,
        "UD_Chinese-GSD/zh_gsd-ud-test.conllu": line,
        "UD_Chinese-GSDSimp/zh_gsdsimp-ud-test.conllu": line,
    }
    source, nynorsk = read(tmp_path, "ud_pos", files, "nn", "test")
    assert source.languages() == ("nb", "nn", "zh", "zh-Hant")
    assert nynorsk.ids == ("no_nynorsk-ud-test/1", "no_nynorsklia-ud-test/1")
    assert source.read("nb", "test").ids == ("1",)
