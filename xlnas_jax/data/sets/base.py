"""What a named data set says of itself: origin, licence, splits, labels, quirks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from xlnas_jax.languages.roles import Split


@dataclass(frozen=True)
class Table:
    """TSV, CSV or JSONL with named columns (sentences, or pairs of sentences).

    Attributes:
        text, label, id, pair: names of columns; without `id`, rows are counted.
        language: column with the language, where one file holds several.
        header: names of the columns, where the file has none of its own.
        suffix: such as `.tsv`, where the file's name does not tell how to read it.
        keep_quotes: quote characters are text; None: in TSV they are, in CSV not.
        spans_lines: texts of several lines, between quotes, are known to occur.
    """

    text: str
    label: str
    id: str = ""
    pair: str = ""
    language: str = ""
    header: tuple[str, ...] = ()
    suffix: str = ""
    keep_quotes: bool | None = None
    spans_lines: bool = False


@dataclass(frozen=True)
class Columns:
    """CoNLL-style: a word a line, a blank line between sentences.

    A line that begins with `-DOCSTART-` begins a document and is no sentence.

    Attributes:
        form, tag: positions of the word and its tag among the columns.
        separator: between columns; empty: any number of spaces and tabs.
        scheme: `IOB2`; `IO` or `IOB1`, which are converted to it; `plain`: every
            tag is a label by itself, such as a part of speech.
        conllu: as in CoNLL-U, `# sent_id = ` names the sentence, other lines that
            begin with `#` are comments, and the first column numbers the words:
            ranges (`3-4`) and empty nodes (`5.1`) are no words. Elsewhere `#` may
            well be a word.
        prefixed: a language code and a colon stand before the word.
        drop_blank: words of only white space are known to occur outside entities,
            and are left out; otherwise they are faults.
    """

    form: int = 0
    tag: int = -1
    separator: str = ""
    scheme: Literal["IOB2", "IOB1", "IO", "plain"] = "IOB2"
    conllu: bool = False
    prefixed: bool = False
    drop_blank: bool = False


@dataclass(frozen=True)
class Squad:
    """SQuAD v1.1 JSON."""


@dataclass(frozen=True)
class AfriQa:
    """AfriQA's gold passages: one JSON object a line, answers in a pivot language."""


@dataclass(frozen=True)
class Lines:
    """Parallel text: two files whose lines correspond."""


@dataclass(frozen=True)
class Verses:
    """Parallel text: TSV without header, key and text; maybe compressed by gzip."""


Format = Table | Columns | Squad | AfriQa | Lines | Verses


Splits = Mapping[Split, tuple[str, ...]]
SAME_SPLITS: Splits = {"train": ("train",), "dev": ("dev",), "test": ("test",)}


@dataclass(frozen=True)
class Files:
    """The original files of one language, or of many.

    A file that several entries match belongs to the first of them.

    Attributes:
        path: below the data set's folder; `{split}` and `{language}` are filled in,
            `*` stands for any part of a name. A file without `{split}` belongs to
            every split there is, or is divided.
        language: code of the text; empty where the path, or a column, has it.
        names: canonical code to what stands for `{language}`, where that is not its
            code; whatever else is a language code there is read as such. Where a
            column has the language: all of its languages.
        context_language: of questions: code of the contexts, where it is not that
            of the questions.
        splits, format: where they are not those of the data set.
    """

    path: str
    language: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    context_language: str = ""
    splits: Splits | None = None
    format: Format | None = None


@dataclass(frozen=True)
class Hub:
    """The same data on the Hugging Face hub, through `datasets`.

    Attributes:
        config: name of the configuration; `{language}` is filled in.
        names: canonical code to what stands for `{language}`; empty: codes.
        splits: ours to theirs.
        columns: ours to theirs: `text`, `pair`, `label`, `id`; `words`, `tags`;
            `question`, `context`, `answers`; `language` where a column tells it.
        labels: their spelling of a label to ours, where it differs.
    """

    path: str
    config: str = "{language}"
    names: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[Split, str] = field(
        default_factory=lambda: {"train": "train", "dev": "validation", "test": "test"}
    )
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSet:
    """A data set that can be named in a configuration.

    Attributes:
        task: `classification`, `tagging`, `qa` or `parallel`.
        source: where it comes from, a URL. paper: who to cite.
        labels: classes, entity types or plain tags; empty where the training split
            of the source language tells, and for other tasks.
        aliases: what the files, against the documentation, call a label, to the
            label; `O` leaves an entity type out. Every use is counted.
        format: of the original files.
        files: where they are; empty where only the hub has it.
        splits: ours to the names that stand for `{split}`; a split may be made of
            several files, and one that is not there has no entry.
        divide: shares of train, dev and test where columns come undivided, cut in
            file order between documents.
        quirks: what a reader must know; known dirty rows and how they are handled.
    """

    name: str
    task: str
    title: str
    source: str
    paper: str
    licence: str
    format: Format
    labels: tuple[str, ...] = ()
    files: tuple[Files, ...] = ()
    splits: Splits = field(default_factory=lambda: SAME_SPLITS)
    divide: tuple[float, float, float] | None = None
    hub: Hub | None = None
    quirks: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
