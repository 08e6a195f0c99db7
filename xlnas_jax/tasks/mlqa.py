"""Exact match and token F1 of extracted answers by the rules of MLQA.

SQuAD's rules with the punctuation and articles of seven languages. The rule is
chosen by the language of the *context*, in which the answer is written, also where
the question is in another one. The official evaluation is reproduced with its
quirks, because published numbers contain them. Scores lie between 0 and 1.

References:
    Lewis et al., "MLQA: Evaluating Cross-lingual Extractive Question Answering",
    2020. https://arxiv.org/abs/1910.07475
"""

import re
import string
import unicodedata
from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from xlnas_jax.languages import codes
from xlnas_jax.tasks import squad
from xlnas_jax.types import ConfigError

# What a language's articles are replaced by is a space. That of Arabic is meant
# to be a prefix, but is replaced wherever the two letters stand, also in a word.
_ARTICLES = {
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": None,
}
LANGUAGES = tuple(_ARTICLES)
# The range MLQA takes for Chinese: less than all of Unicode's Han characters.
_CHINESE_CHARACTER = re.compile("([\u4e00-\u9fa5])")


def normalise(text: str, language: str) -> str:
    """Lower case; no punctuation of any script; no articles; tokens spaced apart.

    Tokens are what white space separates; in Chinese, each Chinese character is a
    token of its own too, so that F1 compares characters.

    Raises:
        ConfigError: MLQA has no rule for the language.

    Example:
        >>> normalise("¿El «Río» de la Plata?", "es")
        'río de plata'
        >>> normalise("《NBA》2019年", "zh")
        'nba2019 年'
    """
    code = _known(language)
    bare = "".join(letter for letter in text.lower() if not _is_punctuation(letter))
    articles = _ARTICLES[code]
    if articles is not None:
        bare = articles.sub(" ", bare)
    if code == "zh":
        bare = _CHINESE_CHARACTER.sub(r" \1 ", bare)
    return " ".join(bare.split())


def exact_match(prediction: str | None, golds: Sequence[str], language: str) -> float:
    """1 if the prediction equals a gold answer once both are normalised, else 0.

    Two texts that are both empty once normalised are equal.
    """
    rule = partial(normalise, language=_known(language))
    return squad.score(prediction, golds, rule).exact_match


def f1(prediction: str | None, golds: Sequence[str], language: str) -> float:
    """Token F1 with the gold answer that fits best; 0 without a common token."""
    rule = partial(normalise, language=_known(language))
    return squad.score(prediction, golds, rule).f1


def scores(
    predictions: Sequence[str | None], golds: Sequence[Sequence[str]], language: str
) -> Float[np.ndarray, "example 2"]:
    """Exact match and F1 of each question; their means are the scores of a split."""
    rule = partial(normalise, language=_known(language))
    return squad.score_all(predictions, golds, rule)


def _known(language: str) -> str:
    code = codes.normalise(language)
    if code not in _ARTICLES:
        raise ConfigError(
            f"MLQA metric: the language of the context must be one of "
            f"{', '.join(LANGUAGES)}; got {language!r}. Score other languages by the "
            f"rules of SQuAD."
        )
    return code


def _is_punctuation(letter: str) -> bool:
    """Unicode's punctuation, and the ASCII signs that Unicode calls symbols."""
    return letter in string.punctuation or unicodedata.category(letter)[0] == "P"
