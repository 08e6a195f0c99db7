"""Tests on what target texts are in the source language."""

from dataclasses import dataclass

from xlnas_jax.config.augment.translators import AnyTranslator


@dataclass(frozen=True)
class TranslateTestConfig:
    """Test texts translated into the source language before they are read.

    A search has no use for it: `xlnas compare` tests its arm `translate_test` so, and
    `xlnas evaluate --translate-test` a model. Labels are the rows' own. A row without a
    translation is read as it is, and counted. Words of taggers are translated one by
    one, by a translator that knows words; questions are not, since their answers stand
    in what is translated.

    Attributes:
        translator: from every language into the source. Ids in files are those of the
            test rows.
    """

    translator: AnyTranslator
