import numpy as np
import pytest

from xlnas_jax.tasks import mlqa, squad
from xlnas_jax.types import ConfigError, DataError


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "The «Cat», an—hat’s", "cat anhats"),
        ("de", "Des Königs „einer“ Eine-Welt-Laden", "königs eineweltladen"),
        ("de", "dessen STRASSE; das Ende", "dessen strasse ende"),
        ("es", "¿Unos de los Ángeles? El él la", "de ángeles él"),
        ("vi", "Những cái tên của họ là “một”", "tên họ một"),
        # Danda and quotation marks go; vowel signs are marks, not punctuation.
        ("hi", "वह “दिल्ली” में है। the", "वह दिल्ली में है the"),
        # The article of Arabic is replaced by a space wherever its letters stand:
        # at the start, ...
        ("ar", "القاهرة، مصر؟", "قاهرة مصر"),
        # ... behind a preposition, and inside a word, which falls apart.
        ("ar", "بالبيت", "ب بيت"),
        ("ar", "رسالة إلى المالك", "رس ة إلى م ك"),
        # Chinese: each Chinese character is a token, the rest splits at spaces.
        ("zh", "《北京大学》NBA 2019年3月", "北 京 大 学 nba 2019 年 3 月"),
        ("zh", "Android手机the 机", "android 手 机 the 机"),
        ("zh", "，。！", ""),
        # Outside of MLQA's range (U+9FA6 and on, extension A): no token of its own.
        ("zh", "\u9fa5\u9fa6\u3400x", "\u9fa5 \u9fa6\u3400x"),
        # Signs that Unicode calls symbols go only if they are ASCII.
        ("en", "$5 + 3€ = 2^3 ©", "5 3€ 23 ©"),
    ],
)
def test_normalise_follows_the_rules_of_the_language(language, text, expected):
    assert mlqa.normalise(text, language) == expected


@pytest.mark.parametrize(
    ("language", "prediction", "golds", "exact_match", "f1"),
    [
        ("en", "the U.S.", ["US"], 1.0, 1.0),
        ("ar", "القاهرة", ["قاهرة"], 1.0, 1.0),
        # `مال` loses its last two letters and is equal to the one letter left.
        ("ar", "مال", ["م"], 1.0, 1.0),
        # [رس, ة] against [ة]: 2 * 1 / (2 + 1).
        ("ar", "رسالة", ["ة"], 0.0, 2 / 3),
        # Characters [北, 京, 市] against [北, 京]: 2 * 2 / (3 + 2).
        ("zh", "北京市", ["北京"], 0.0, 0.8),
        # [nba, 总, 冠, 军] against [nba, 冠, 军]: 2 * 3 / (4 + 3).
        ("zh", "NBA总冠军", ["《NBA》冠军"], 0.0, 6 / 7),
        ("zh", "N B A", ["NBA"], 0.0, 0.0),
        ("hi", "१९४७ में", ["सन १९४७ में", "१९४७"], 0.0, 0.8),
        ("de", "die Donau", ["der Rhein", "Donau"], 1.0, 1.0),
        ("vi", "của là", ["cái"], 1.0, 0.0),
        ("zh", "", ["。"], 1.0, 0.0),
        ("hi", "", ["१९४७"], 0.0, 0.0),
        ("es", None, ["el"], 0.0, 0.0),
    ],
)
def test_scores_worked_out_by_hand(language, prediction, golds, exact_match, f1):
    assert mlqa.exact_match(prediction, golds, language) == exact_match
    assert mlqa.f1(prediction, golds, language) == pytest.approx(f1, abs=1e-12)


def test_the_language_decides():
    assert mlqa.f1("北京市", ["北京"], "zh") > squad.f1("北京市", ["北京"])
    assert mlqa.exact_match("the cat", ["cat"], "en") == 1.0
    assert mlqa.exact_match("the cat", ["cat"], "de") == 0.0


def test_other_spellings_of_a_code_mean_the_same_language():
    assert mlqa.normalise("بالبيت", "arb_Arab") == mlqa.normalise("بالبيت", "ar")
    assert mlqa.normalise("北京", "zho") == "北 京"


def test_scores_of_a_split_are_one_row_a_question():
    rows = mlqa.scores(["北京市", None], [["北京"], ["x"]], "zh")
    np.testing.assert_allclose(rows, [[0.0, 0.8], [0.0, 0.0]])


@pytest.mark.parametrize("language", ["fr", "zh-Hant", "ru"])
def test_other_languages_are_refused_and_the_seven_listed(language):
    with pytest.raises(ConfigError, match=r"ar, de, en, es, hi, vi, zh; got") as error:
        mlqa.f1("x", ["x"], language)
    assert repr(language) in str(error.value)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="at least one gold answer"):
        mlqa.f1("x", [], "en")
    with pytest.raises(DataError, match="0 predictions for 1 questions"):
        mlqa.scores([], [["x"]], "en")
