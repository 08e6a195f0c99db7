"""Translations as data: what is read, what is left out, and which split it is in."""

import zlib
from pathlib import Path

import pytest

from xlnas_jax.config.data import CldrData, PairsData, SetData, TableData
from xlnas_jax.data.examples import PairExamples, Source
from xlnas_jax.data.sources import make_source, read, read_wording
from xlnas_jax.data.translations import PARTS, REPEATED
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError, LeakError

NAMES = CldrData(per_class=20)


def roles(*target: str) -> LanguageRoles:
    return LanguageRoles(
        source="en", aux_train=("fr",), aux_heldout=("pt",), target=target or ("es",)
    )


def of(config: PairsData, own: LanguageRoles | None = None) -> Source:
    return make_source(config, own or roles())


def pairs(source: Source, language: str, split: str) -> PairExamples:
    found = source.read(language, split)  # type: ignore[arg-type]
    assert isinstance(found, PairExamples)
    return found


def test_rows_of_the_same_id_are_translations() -> None:
    source = of(PairsData((NAMES,), dev=(NAMES,), test=(NAMES,)))
    names = make_source(NAMES, roles())
    assert (source.task, source.labels) == ("retrieval", ())
    for split in ("train", "dev", "test"):
        found = pairs(source, "fr", split)
        ours, theirs = (names.read(code, split) for code in ("en", "fr"))
        english = dict(zip(ours.ids, ours.texts, strict=True))
        french = dict(zip(theirs.ids, theirs.texts, strict=True))
        assert len(found) > 10
        for name, text, other in zip(
            found.ids, found.texts, found.translations, strict=True
        ):
            assert (text, other) == (french[name], english[name])


def test_no_text_comes_twice_nor_is_its_own_translation() -> None:
    source = of(PairsData((NAMES,), dev=(NAMES,), test=(NAMES,)))
    found = pairs(source, "es", "train")
    assert len({*found.texts}) == len({*found.translations}) == len(found)
    assert not any(map(str.__eq__, found.texts, found.translations))
    notes = found.report.notes
    assert notes[REPEATED] > 0 and sum(notes.values()) == found.report.rows - len(found)
    own = pairs(source, "en", "train")
    assert own.texts == own.translations


def lines(folder: Path, language: str, both: list[tuple[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    for code, side in ((language, 0), ("eng", 1)):
        file = folder / f"tatoeba.{language}-eng.{code}"
        file.write_text("".join(pair[side] + "\n" for pair in both))


@pytest.fixture
def tatoeba(tmp_path) -> SetData:
    """Forty sentences in French and Portuguese; of Spanish others."""
    for code, name in (("fra", "fr"), ("por", "pt")):
        lines(tmp_path, code, [(f"{name} {n}", f"sentence {n}") for n in range(40)])
    lines(tmp_path, "spa", [(f"es {n}", f"another {n}") for n in range(40)])
    return SetData("tatoeba", path=str(tmp_path))


def test_parallel_text_is_divided_by_the_source_s_text(tatoeba) -> None:
    source = of(PairsData((tatoeba,)))
    sides: dict[str, set[str]] = {}
    for split in ("train", "dev", "test"):
        every = [pairs(source, code, split) for code in ("fr", "pt", "es", "en")]
        sides[split] = {text for one in every for text in one.translations}
        for one in every:
            assert all(
                text.removeprefix(f"{one.language} ") == other.split()[1]
                for text, other in zip(one.texts, one.translations, strict=True)
                if one.language != "en"
            )
    assert sum(map(len, sides.values())) == 80 == len(set().union(*sides.values()))
    assert all(zlib.crc32(t.encode()) % PARTS == 0 for t in sides["dev"])
    # The same sentences in every language that has them.
    for split in sides:
        french, portuguese = (pairs(source, c, split) for c in ("fr", "pt"))
        assert french.translations == portuguese.translations


def test_a_split_with_places_of_its_own_takes_nothing_of_training(tatoeba) -> None:
    source = of(PairsData((tatoeba,), dev=(NAMES,), test=(NAMES,)))
    assert len(pairs(source, "fr", "train")) == 40
    assert not any("sentence" in t for t in pairs(source, "fr", "dev").translations)


def test_places_are_joined_where_they_have_the_language(tatoeba) -> None:
    source = of(PairsData((tatoeba, NAMES), dev=(NAMES,), test=(NAMES,)))
    french, finnish = (pairs(source, code, "train") for code in ("fr", "fi"))
    assert {name.split("/")[0] for name in french.ids} == {"tatoeba", "cldr"}
    assert len(french) > 40 and len(finnish) > 10
    assert "sentence 3" in french.translations
    assert "sentence 3" not in finnish.translations


def test_a_limit_takes_so_many(tatoeba) -> None:
    limited = SetData(tatoeba.name, path=tatoeba.path, limit={"train": 7})
    source = of(PairsData((limited,), dev=(NAMES,), test=(NAMES,)))
    found = pairs(source, "fr", "train")
    assert len(found) == 7 and found.report.limited == 33


def test_roles_hold_for_translations_too() -> None:
    source, own = of(PairsData((NAMES,), dev=(NAMES,), test=(NAMES,))), roles()
    assert len(read(source, own, "pt", "dev", "search")) > 3
    with pytest.raises(LeakError):
        read(source, own, "es", "dev", "search")


def test_all_that_is_tokenised_is_both_sides(tatoeba) -> None:
    source = of(PairsData((tatoeba,), dev=(NAMES,), test=(NAMES,)))
    found = read_wording(source, "fr", "train", "query: ")
    assert {"query: fr 0", "query: sentence 0"} <= {*found} and len(found) == 80


def test_what_cannot_be_paired_is_named(tmp_path, tatoeba) -> None:
    with pytest.raises(ConfigError, match="train: at least one place"):
        PairsData(())
    tagged = SetData("wikigold", path=str(tmp_path))
    with pytest.raises((ConfigError, DataError)):
        of(PairsData((tagged,)))
    for code in ("en", "fr", "pt", "es"):
        for split in ("train", "dev", "test"):
            (tmp_path / f"{code}.{split}.tsv").write_text(
                "text\tother\tlabel\na\tb\tx\nc\td\ty\n"
            )
    table = TableData(str(tmp_path / "{language}.{split}.tsv"), pair_column="other")
    with pytest.raises(ConfigError, match="must have one text an example"):
        pairs(of(PairsData((table,), dev=(table,), test=(table,))), "fr", "train")
    with pytest.raises(DataError, match="must hold"):
        of(PairsData((tatoeba,)), roles("fi"))
