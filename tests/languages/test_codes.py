"""Every spelling of a language is one code."""

import pytest

from xlnas_jax.languages.codes import name, named, nearest, normalise, script_of, titled
from xlnas_jax.types import ConfigError


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        (("en", "eng", "eng_Latn", "en-Latn", "EN", "en_US"), "en"),
        (("sw", "swh_Latn", "swa"), "sw"),
        (("tl", "tgl", "fil", "tgl_Latn"), "fil"),
        (("zh", "zho_Hans", "cmn"), "zh"),
        (("zho_Hant", "zh-TW", "zh-Hant"), "zh-Hant"),
        (("ar", "arb_Arab"), "ar"),
        (("ary", "ary_Arab"), "ary"),
        (("ko", "kor_Hang"), "ko"),
        (("nb", "nob_Latn", "no"), "nb"),
        (("pt", "pt-BR", "por_Latn"), "pt"),
        (("pt-PT",), "pt-PT"),
        (("ace_Arab",), "ace-Arab"),
    ],
)
def test_every_form_of_a_language_gives_one_code(
    forms: tuple[str, ...], code: str
) -> None:
    assert {normalise(form) for form in forms} == {code}
    assert normalise(code) == code


@pytest.mark.parametrize(
    "code", ["xx", "english", "en_", "", "und", "en-Xyzw", "en-QQ", "en Latn", "e/n"]
)
def test_an_unknown_or_malformed_code_is_named(code: str) -> None:
    with pytest.raises(ConfigError) as error:
        normalise(code)
    assert repr(code) in str(error.value)


@pytest.mark.parametrize("code", ["x-near", "qaa", "en-x-far"])
def test_private_codes_pass_unchanged(code: str) -> None:
    assert normalise(code) == code


def test_sib200_folders_are_all_different_languages(shared) -> None:
    folders = [path.name for path in (shared / "data/sib200").iterdir()]
    forms = [folder for folder in folders if "_" in folder]
    assert len(forms) == 83
    assert len({normalise(form) for form in forms}) == 83


def test_names_are_english_and_fall_back_to_the_code() -> None:
    assert name("swh_Latn") == "Swahili"
    assert name("zho_Hant") == "Traditional Chinese"
    assert name("ace_Arab") == "Acehnese (Arabic)"
    assert name("x-near") == "x-near"


def test_nearest_looks_at_codes_and_at_names() -> None:
    known = ("nb", "de", "nn", "zu")
    assert set(nearest("no", known)) == {"nb", "nn"}  # by name, not by spelling
    assert nearest("zul", known)[0] == "zu"


def test_script_is_the_expected_one_unless_written() -> None:
    assert script_of("ru") == "Cyrl"
    assert script_of("sr_Latn") == "Latn"
    assert script_of("x-near") is None


@pytest.mark.parametrize("code", ["x-near", "en-x-near", "qaa"])
def test_a_code_without_a_name_is_shown_once(code: str) -> None:
    assert titled(code) == named(code) == code


def test_a_name_stands_beside_the_code_as_it_was_spelled() -> None:
    assert titled("swh", "swh_Latn") == "swh_Latn Swahili"
    assert titled("swh") == "sw Swahili"
    assert named("swh") == "Swahili (sw)"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("quy", "Ayacucho Quechua"),
        ("ayr_Latn", "Aymara"),
        ("nus_Latn", "Nuer"),
        ("dik_Latn", "Dinka"),
    ],
)
def test_a_language_that_cldr_does_not_name_has_its_registered_name(
    code: str, expected: str
) -> None:
    assert name(code) == expected
