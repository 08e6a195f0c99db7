"""Cipher languages: lossless, repeatable, and as far away as they say."""

import itertools
import unicodedata

import pytest

from xlnas_jax.config.data import CipherData, CldrData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.data.cipher import make_cipher, make_cipher_source
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.sources import make_source
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError

DISTANCES = (0.0, 0.1, 0.3, 0.34, 0.5, 0.66, 0.7, 0.9, 1.0)
TEXT = (
    "The quick brown fox — née Élodie, aged 42 — can't jump over 3 naïve dogs; "
    "USA's Ångström Škoda, ß and İstanbul.\n  Two  spaces, e.g. x̆y."
)


def base_texts(language: str = "en") -> list[str]:
    source = make_cldr_source(CldrData())
    return list(source.read(language, "train").texts)


def words(texts: list[str]) -> set[str]:
    return set(" ".join(texts).split())


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("language", ["x-one", "x-two", "de"])
def test_every_text_can_be_deciphered(language: str, distance: float) -> None:
    cipher = make_cipher(language, distance)
    for text in [*base_texts(), TEXT]:
        expected = unicodedata.normalize("NFC", text)
        assert cipher.decipher(cipher.encipher(text)) == expected


@pytest.mark.parametrize(("language", "script"), [("ru", "Cyrl"), ("el", "Grek")])
@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_other_scripts_can_be_deciphered_too(
    language: str, script: str, distance: float
) -> None:
    cipher = make_cipher("x-one", distance, script)
    texts = base_texts(language)
    enciphered = [cipher.encipher(text) for text in texts]
    assert [cipher.decipher(text) for text in enciphered] == texts
    assert enciphered != texts


@pytest.mark.parametrize("distance", DISTANCES)
def test_no_two_words_become_one(distance: float) -> None:
    cipher = make_cipher("x-one", distance)
    # Words that look suffixed or already swapped are the ones that could clash.
    types = words(base_texts())
    types |= set(map(cipher.encipher, types))
    types |= set(map(cipher.encipher, types))
    types = {word for word in types if word.isalpha()}
    assert len({cipher.encipher(word) for word in types}) == len(types)


def test_distance_zero_is_the_identity() -> None:
    cipher = make_cipher("x-one", 0.0)
    texts = [*base_texts(), unicodedata.normalize("NFC", TEXT)]
    assert [cipher.encipher(text) for text in texts] == texts


def test_overlap_falls_as_distance_rises() -> None:
    texts = base_texts()
    types = words(texts)
    overlaps = []
    for distance in DISTANCES:
        cipher = make_cipher("x-one", distance)
        made = words([cipher.encipher(text) for text in texts])
        overlaps.append(len(types & made) / len(types))
    assert overlaps[0] == 1.0
    assert overlaps[-1] < 0.1
    assert all(near > far for near, far in itertools.pairwise(overlaps))
    for distance, overlap in zip(DISTANCES, overlaps, strict=True):
        assert abs(overlap - (1 - distance)) < 0.12


def test_rules_set_in_at_a_third_and_at_two_thirds() -> None:
    text = "one two three, four!"
    below = make_cipher("x-one", 0.33).encipher(text)
    above = make_cipher("x-one", 0.66).encipher(text)
    far = make_cipher("x-one", 1.0).encipher(text)
    swapped = make_cipher("x-one", 1.0).decipher(far)
    assert len(below) == len(text)  # letters swap one for one
    assert len(above) > len(text)  # suffixes
    assert far.endswith("!")  # punctuation stays in place
    assert swapped == text
    assert [len(word) for word in far.rstrip("!").replace(",", "").split()] == [
        len(word) + 2 for word in ("four", "three", "two", "one")
    ]


def test_only_code_and_seed_decide() -> None:
    text = base_texts()[0] + " is a name that is long enough to differ"
    assert make_cipher("x-a", 1.0).encipher(text) == make_cipher("x-a", 1.0).encipher(
        text
    )
    made = {
        make_cipher(code, 1.0, seed=seed).encipher(text)
        for code in ("x-a", "x-b")
        for seed in (0, 1)
    }
    assert len(made) == 4


def roles(**changes) -> LanguageRoles:
    values = {"source": "en", "aux_heldout": ("x-near",), "target": ("x-far",)}
    return LanguageRoles.from_config(LanguagesConfig(**(values | changes)))


def test_a_source_is_parallel_to_its_base() -> None:
    config = CipherData({"x-near": 0.2, "x-far": 0.9})
    source = make_source(config, roles())
    english, far = source.read("en", "test"), source.read("x-far", "test")
    assert english.texts == make_cldr_source(CldrData()).read("en", "test").texts
    assert far.ids == english.ids
    assert far.labels.tolist() == english.labels.tolist()
    assert far.texts != english.texts
    assert source.labels == CldrData().kinds


def test_a_language_without_distance_is_refused() -> None:
    with pytest.raises(DataError, match=r"x-other.*nearest"):
        make_source(CipherData({"x-near": 0.2}), roles(target=("x-other",)))


@pytest.mark.parametrize("distance", [-0.1, 1.1, float("nan")])
def test_a_distance_outside_the_unit_interval_is_refused(distance: float) -> None:
    base = make_cldr_source(CldrData())
    with pytest.raises(ConfigError, match="x-near"):
        make_cipher_source(CipherData({"x-near": distance}), base)


def test_a_base_script_without_rules_is_refused() -> None:
    base = make_cldr_source(CldrData())
    with pytest.raises(ConfigError, match="Hindi"):
        make_cipher_source(CipherData({"x-near": 0.1}, base_language="hi"), base)
