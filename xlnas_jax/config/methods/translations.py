"""Where translations of the training rows come from."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import at_least, distinct
from xlnas_jax.types import ConfigError, brief


@dataclass(frozen=True)
class IdTranslations:
    """Rows of the task's own training splits that have the source row's id.

    For data that are parallel by their ids alone, such as SIB-200 and NusaX. Of the
    other language nothing but text is read.

    Attributes:
        languages: into which; empty: all of `aux_train` and `unlabelled`.
    """

    kind: Literal["ids"] = "ids"
    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.languages:
            distinct(self, "languages")


@dataclass(frozen=True)
class FileTranslations:
    """Files of what training rows are in other languages, one file a language.

    TSV, CSV and JSONL files have columns `id` and `text`, with `pair` where rows are
    pairs of texts; TXT files have a line for every training row of the source, in
    order. An empty text is none.

    Of tagged sentences the columns are `id`, `words` and `tags`, as lists or with
    spaces between; of questions `id`, `question`, `context`, `answer` and, if it is
    known, `start`, the answer's first character in the context. Sentences with
    entities of other types than their row's, and answers that are neither at their
    offset nor just once in the context, are left out.

    Attributes:
        path: a pattern with `{language}`.
        languages: into which; empty: all of `aux_train` and `unlabelled`.
        back: likewise of what the translations are in the source language again, for
            `mixup`; empty: its source stream has the row itself.
    """

    path: str
    kind: Literal["files"] = "files"
    languages: tuple[str, ...] = ()
    back: str = ""

    def __post_init__(self) -> None:
        distinct(self, "path", *(("languages",) if self.languages else ()))
        for name in ("path", *(("back",) if self.back else ())):
            _require_language(self, name)


@dataclass(frozen=True)
class AlignedTranslations:
    """Files of what tagged sentences are in other languages, without any tag.

    Tags are projected: each word is aligned to those of the other language whose
    vectors are like its own, in the pretrained encoder as it is. A sentence of which an
    entity has no place of its own in the translation is left out, and counted. TSV, CSV
    and JSONL files have columns `id` and `text`, or `words` in its place.

    Attributes:
        path: a pattern with `{language}`.
        languages: into which; empty: all of `aux_train` and `unlabelled`.
        matching: words that are each other's likest are aligned (`mutual`), or in a
            second turn also those whose likest has a partner (`itermax`).
        layer: whose vectors, counted from 1; absent: two thirds of all from below.
    """

    path: str
    kind: Literal["aligned"] = "aligned"
    languages: tuple[str, ...] = ()
    matching: Literal["mutual", "itermax"] = "itermax"
    layer: int | None = None

    def __post_init__(self) -> None:
        distinct(self, "path", *(("languages",) if self.languages else ()))
        _require_language(self, "path")
        at_least(self, 1, "layer", most=1024)


def _require_language(config: object, name: str) -> None:
    if "{language}" not in getattr(config, name):
        raise ConfigError(
            f"{name}: must contain {{language}}, which is filled in for every "
            f"language; got {brief(getattr(config, name))}. Write for example "
            f"'translated/{{language}}.tsv'."
        )


AnyTranslations = IdTranslations | FileTranslations | AlignedTranslations
