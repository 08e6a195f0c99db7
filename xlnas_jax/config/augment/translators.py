"""Whose translations training rows are augmented by."""

from dataclasses import dataclass, field
from typing import Literal

from xlnas_jax.config.augment.pairs import AnyPairs
from xlnas_jax.config.augment.patterns import require_sides
from xlnas_jax.config.ranges import MANY, at_least, distinct, fraction
from xlnas_jax.config.tokens import MAX_TOKENS
from xlnas_jax.types import ConfigError, brief


@dataclass(frozen=True)
class DictionaryTranslator:
    """Word by word, by files of word pairs, one file a pair of languages.

    A line is a word, a tab or a space, and its translation, as MUSE's dictionaries
    are; after a tab a translation may be several words. A word may stand again, with
    another translation.

    Attributes:
        path: a pattern with `{source}` and `{target}`; a file of the other direction
            is read backwards.
        least: words that a dictionary must have.
    """

    path: str
    kind: Literal["dictionary"] = "dictionary"
    least: int = 100

    def __post_init__(self) -> None:
        distinct(self, "path")
        require_sides(self.path)
        at_least(self, 1, "least", most=MANY)


@dataclass(frozen=True)
class PairWordsTranslator:
    """Word by word, by a dictionary that is counted from parallel text.

    Attributes:
        pairs: where that text comes from.
        least: words that a dictionary must have.
        min_count: a word must stand in so many sentences, and so often together with
            its translation.
        cosine: of the sentences that a word and its translation stand in; at least.
        mutual: each must be the other's nearest. Else a word also has translations
            that are nearest from one side alone, as `paraphrase` needs them.
        most: words of each language that are looked at, the most frequent ones.
        most_pairs: sentences that are read at most, the first ones.
    """

    pairs: AnyPairs
    kind: Literal["pair_words"] = "pair_words"
    least: int = 100
    min_count: int = 3
    cosine: float = 0.4
    mutual: bool = True
    most: int = 4000
    most_pairs: int = 20_000

    def __post_init__(self) -> None:
        at_least(self, 1, "least", "min_count", "most_pairs", most=MANY)
        at_least(self, 2, "most", most=20_000)
        fraction(self, "cosine")


@dataclass(frozen=True)
class VectorWordsTranslator:
    """Word by word, by a dictionary that is read off word embeddings.

    Attributes:
        path: a pattern with `{language}`, of files in word2vec's text format, the most
            frequent words first.
        mapping: how the two languages come into one space: they are `aligned`
            already, as MUSE's are; or by VecMap, `supervised` by the words of `seed`,
            `semi_supervised` from them, or `unsupervised`.
        seed: a pattern of dictionaries; see `dictionary`.
        least: words that a dictionary must have.
        most: words of each language that are looked at.
    """

    path: str
    kind: Literal["vector_words"] = "vector_words"
    mapping: Literal["aligned", "supervised", "semi_supervised", "unsupervised"] = (
        "aligned"
    )
    seed: str = ""
    least: int = 100
    most: int = 5000

    def __post_init__(self) -> None:
        distinct(self, "path")
        if "{language}" not in self.path:
            raise ConfigError(
                f"path: must contain {{language}}, which is filled in for every "
                f"language; got {brief(self.path)}. Write for example "
                f"'vectors/wiki.{{language}}.vec'."
            )
        is_seeded = self.mapping in ("supervised", "semi_supervised")
        if is_seeded != bool(self.seed):
            raise ConfigError(
                f"seed: must name dictionaries where mapping is supervised or "
                f"semi_supervised, and there alone; got {brief(self.seed)} with "
                f"{self.mapping}. Give both or neither."
            )
        if self.seed:
            require_sides(self.seed)
        at_least(self, 1, "least", most=MANY)
        at_least(self, 2, "most", most=20_000)


@dataclass(frozen=True)
class FileTranslator:
    """Whole texts, by files that were translated before, one a pair of languages.

    TSV, CSV and JSONL files with columns `source` and `target`; or `id` and `text`,
    the id being that of a training row. Texts that are not there have no translation.

    Attributes:
        path: a pattern with `{source}` and `{target}`.
    """

    path: str
    kind: Literal["file"] = "file"

    def __post_init__(self) -> None:
        distinct(self, "path")
        require_sides(self.path)


@dataclass(frozen=True)
class PairsTranslator:
    """Whole texts, by looking them up in parallel text.

    Attributes:
        pairs: where that text comes from.
    """

    pairs: AnyPairs
    kind: Literal["pairs"] = "pairs"


@dataclass(frozen=True)
class HubTranslator:
    """Whole texts, by a network of `transformers`, such as Marian's or NLLB.

    No code of a model is ever run, and no pickle read: weights must be safetensors.
    Needs `pip install 'xlnas-jax[hf]'`, and `sentencepiece` for most of Marian's. Its
    licence, which may forbid some uses (NLLB's does), is shown and stands in the model
    card.

    Attributes:
        path: a directory or hub id; `{source}` and `{target}` are filled in, as in
            `Helsinki-NLP/opus-mt-{source}-{target}`.
        revision: of hub ids.
        codes: of a network for many languages what each is called there, as in
            `{en: eng_Latn, sw: swh_Latn}`; empty: it is for one pair.
        batch_size: texts at once. beams: of the search; 1: the likeliest word each
            time. max_length: tokens of a translation.
    """

    path: str
    kind: Literal["hf"] = "hf"
    revision: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    batch_size: int = 16
    beams: int = 1
    max_length: int = 128

    def __post_init__(self) -> None:
        distinct(self, "path")
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        at_least(self, 1, "beams", most=64)
        at_least(self, 2, "max_length", most=MAX_TOKENS)


AnyTranslator = (
    DictionaryTranslator
    | PairWordsTranslator
    | VectorWordsTranslator
    | FileTranslator
    | PairsTranslator
    | HubTranslator
)
