"""Raw rows of original files, whatever their format, and examples of them."""

from collections.abc import Sequence

from xlnas_jax.data.examples import (
    AnyExamples,
    LabelSet,
    QuestionRow,
    Row,
    TaggedRow,
    label_set,
    make_examples,
)
from xlnas_jax.data.labels import LabelMap, entity_types
from xlnas_jax.data.readers.columns import make_tagged, read_columns
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import Found
from xlnas_jax.data.sets.base import AfriQa, Columns, Squad, Table
from xlnas_jax.data.table import read_table
from xlnas_jax.languages.roles import Split

AnyRow = Row | TaggedRow | QuestionRow


def read_raw(
    file: Found, share: tuple[float, float], faults: Faults
) -> Sequence[AnyRow]:
    """Raw rows of one file, by its format."""
    match file.format:
        case Columns():
            return read_columns(file.path, file.format, faults, share)
        case Table():
            return read_table(file.path, file.format, faults, file.form)
        case Squad():
            from xlnas_jax.data.readers.squad import read_squad

            return read_squad(file.path, faults)
        case AfriQa():
            from xlnas_jax.data.readers.afriqa import read_afriqa

            return read_afriqa(file.path, faults)
    raise AssertionError(f"{file.format} is a format of parallel text")


def unique(parts: Sequence[Sequence[AnyRow]], files: list[Found]) -> list[AnyRow]:
    """All rows; where files give the same ids, each has its file's name before it.

    Ids that differ stay, since the same sentence may have them in other languages.
    """
    ids = [{row.id for row in part} for part in parts]
    if len(set().union(*ids)) == sum(len(part) for part in ids):
        return [row for part in parts for row in part]
    return [
        row._replace(id=f"{stem}/{row.id}")
        for stem, part in zip(_stems(files), parts, strict=True)
        for row in part
    ]


def _stems(files: list[Found]) -> list[str]:
    """What tells the files apart: their names, or, where those agree, their paths."""
    paths = [file.path.split("/") for file in files]
    size = 1
    while len({tuple(path[-size:]) for path in paths}) < len(paths):
        size += 1
    return ["/".join(path[-size:]).rsplit(".", 1)[0] for path in paths]


def seen_labels(rows: list[AnyRow]) -> LabelSet:
    """Labels, or entity types, that occur in raw rows."""
    if isinstance(rows[0], TaggedRow):
        tagged = [row for row in rows if isinstance(row, TaggedRow)]
        return entity_types(tuple({tag for row in tagged for tag in row.tags}))
    return label_set([row for row in rows if isinstance(row, Row)])


def make_any(
    rows: list[AnyRow],
    label_map: LabelMap,
    file: Found,
    language: str,
    split: Split,
    faults: Faults,
) -> AnyExamples:
    """Checked examples of raw rows, by the kind of the rows."""
    labels, origin = label_map.labels, file.path
    match file.format:
        case Columns():
            tagged = [
                label_map.tagged(r, faults) for r in rows if isinstance(r, TaggedRow)
            ]
            return make_tagged(tagged, labels, language, split, origin, faults)
        case Table():
            texts = [label_map.row(r, faults) for r in rows if isinstance(r, Row)]
            return make_examples(texts, labels, language, split, origin, faults)
    from xlnas_jax.data.readers.questions import make_questions

    asked = [row for row in rows if isinstance(row, QuestionRow)]
    context = file.context_language
    return make_questions(asked, language, context, split, origin, faults)
