"""Frozen configuration of the data: where labelled text comes from.

One of these is the section `data` of a `config.Config`; `kind` says which.
"""

from dataclasses import dataclass, field
from typing import Literal

from xlnas_jax.config.ranges import MANY, at_least, distinct, fraction, positive
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class TableData:
    """TSV, CSV or JSONL files with named columns, one file per language and split.

    Attributes:
        path: pattern of the files; `{language}` and `{split}` are filled in.
        preset: `sib200` fills every other field for that data set, when `path`
            is the folder that holds one sub-folder per language.
        pair_column: column of the second text, of pairs.
        labels: the label set in order; read from the training split if empty.
        keep_quotes: quote characters are text; null: in TSV they are, in CSV they
            may stand around a field.
    """

    path: str
    kind: Literal["table"] = "table"
    preset: Literal["none", "sib200"] = "none"
    text_column: str = "text"
    label_column: str = "label"
    pair_column: str = ""
    id_column: str = ""
    labels: tuple[str, ...] = ()
    train_split: str = "train"
    dev_split: str = "dev"
    test_split: str = "test"
    keep_quotes: bool | None = None

    def __post_init__(self) -> None:
        distinct(self, "path", "text_column", "label_column")
        distinct(self, "train_split", "dev_split", "test_split")


@dataclass(frozen=True)
class FileData:
    """One TSV, CSV or JSONL file with texts of several languages, which a column names.

    Attributes:
        path: the file; for classification.
        language_column: codes of languages in it, however they are spelled.
        split_column: names a row's split; empty: a hash of its text decides, so that
            equal texts are in one split, whatever the language and whatever else is
            in the file.
        dev_share, test_share: how many of the texts are in these splits then.
        pair_column, id_column, labels, keep_quotes: as of `table`.
    """

    path: str
    kind: Literal["file"] = "file"
    language_column: str = "language"
    split_column: str = ""
    text_column: str = "text"
    label_column: str = "label"
    pair_column: str = ""
    id_column: str = ""
    labels: tuple[str, ...] = ()
    train_split: str = "train"
    dev_split: str = "dev"
    test_split: str = "test"
    dev_share: float = 0.15
    test_share: float = 0.2
    keep_quotes: bool | None = None

    def __post_init__(self) -> None:
        distinct(self, "path", "language_column", "text_column", "label_column")
        distinct(self, "train_split", "dev_split", "test_split")
        positive(self, "dev_share", "test_share", most=1)
        if self.dev_share + self.test_share >= 1:
            raise ConfigError(
                f"dev_share: with test_share it must be below 1, since the rest is "
                f"trained on; got {self.dev_share} and {self.test_share}."
            )


@dataclass(frozen=True)
class HubData:
    """A data set of the Hugging Face hub, one configuration per language.

    Attributes:
        path: hub id, or a local directory in hub layout.
        config: name of the configuration; `{language}` is filled in.
    """

    path: str
    kind: Literal["hub"] = "hub"
    config: str = "{language}"
    revision: str = ""
    text_column: str = "text"
    label_column: str = "label"
    id_column: str = ""
    labels: tuple[str, ...] = ()
    train_split: str = "train"
    dev_split: str = "validation"
    test_split: str = "test"

    def __post_init__(self) -> None:
        distinct(self, "path", "config", "text_column", "label_column")
        distinct(self, "train_split", "dev_split", "test_split")


@dataclass(frozen=True)
class CldrData:
    """Names from the Unicode CLDR as carried by `babel`: which kind is a name?

    Attributes:
        kinds: the classes, balanced within each language and split.
        split_by: `language`: every split of a language has other entities, but
            an entity may be trained on in one language and tested in another;
            `entity`: no entity of a dev or test split is trained on in any.
        per_class: names of each class and language in the training split.
    """

    kind: Literal["cldr"] = "cldr"
    kinds: tuple[str, ...] = ("territory", "language", "script", "currency")
    split_by: Literal["language", "entity"] = "entity"
    per_class: int = 100

    def __post_init__(self) -> None:
        distinct(self, "kinds")
        at_least(self, 1, "per_class", most=MANY)


@dataclass(frozen=True)
class CipherData:
    """Languages made from a base data set, at a distance known by construction.

    Attributes:
        base: where the source-language text comes from.
        base_language: the language of `base` that is enciphered.
        distances: for every language code used in `languages`, how far it is
            from the base, in [0, 1]: the share of the vocabulary that is
            permuted; affixes and word order change beyond one third and two.
    """

    distances: dict[str, float]
    kind: Literal["cipher"] = "cipher"
    base: TableData | CldrData = field(default_factory=CldrData)
    base_language: str = "en"

    def __post_init__(self) -> None:
        distinct(self, "base_language")
        fraction(self, "distances")


@dataclass(frozen=True)
class SetData:
    """A named data set, from a folder with its original files or from the hub.

    Attributes:
        name: a file of `xlnas_jax/data/sets/`; a wrong one lists them all.
        path: the folder; empty: download it from the hub.
        map: labels (entity types, in tagging) to others, such as `MISC: O`; those
            not named stay. `O` drops an entity type.
        splits: take these splits only; empty: all. languages: likewise.
        limit: by split, how many examples of a language are used at most. The same
            ids are taken in every language.
    """

    name: str
    kind: Literal["set"] = "set"
    path: str = ""
    revision: str = ""
    map: dict[str, str] = field(default_factory=dict)
    splits: tuple[Literal["train", "dev", "test"], ...] = ()
    languages: tuple[str, ...] = ()
    limit: dict[Literal["train", "dev", "test"], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        distinct(self, "name")
        at_least(self, 1, "limit")


@dataclass(frozen=True)
class MixData:
    """Several data sets of one task as one: what a language has in each is joined.

    The label set is that of the first part, after its `map`; the other parts must
    have no label outside it.
    """

    parts: tuple[SetData | TableData | HubData, ...]
    kind: Literal["mix"] = "mix"

    def __post_init__(self) -> None:
        if not self.parts:
            raise ConfigError("parts: at least one data set must be named; got none.")


@dataclass(frozen=True)
class PairsData:
    """Translations, for retrieval: no label is read.

    What a language has in several places is joined. A place is parallel text by its
    name, or labelled text of which rows with the same id are translations (SIB-200,
    CLDR names): the labels are left out.

    Attributes:
        train, dev, test: places of each split. Where `dev` or `test` names none, a
            tenth of what `train` has is it, by a hash of the source's text, so that
            no sentence is in two splits, whatever the language.
    """

    train: tuple[SetData | TableData | CldrData | CipherData, ...]
    kind: Literal["pairs"] = "pairs"
    dev: tuple[SetData | TableData | CldrData | CipherData, ...] = ()
    test: tuple[SetData | TableData | CldrData | CipherData, ...] = ()

    def __post_init__(self) -> None:
        if not self.train:
            raise ConfigError("train: at least one place must be named; got none.")

    @property
    def by_split(self) -> dict[Literal["train", "dev", "test"], tuple]:
        """The places of every split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}


AnyData = (
    SetData
    | MixData
    | TableData
    | FileData
    | HubData
    | CldrData
    | CipherData
    | PairsData
)
