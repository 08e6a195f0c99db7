"""Named data sets as the Hugging Face hub has them."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import (
    Answer,
    AnyExamples,
    LabelSet,
    QuestionRow,
    Row,
    Source,
    TaggedRow,
    label_set,
    make_examples,
)
from xlnas_jax.data.hub import (
    class_name,
    class_names,
    config_names,
    load_split,
    read_column,
)
from xlnas_jax.data.labels import (
    LabelMap,
    entity_types,
    has_entity_types,
    make_label_map,
)
from xlnas_jax.data.readers.columns import make_tagged
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.patterns import match_languages, unknown_language
from xlnas_jax.data.readers.questions import check_question, is_offset, make_questions
from xlnas_jax.data.readers.values import SPELLED, make_row, spelled
from xlnas_jax.data.select import limited, settled
from xlnas_jax.data.sets.base import DataSet, Hub
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError, brief

if TYPE_CHECKING:  # the import takes seconds: only runs that read the hub pay it
    from datasets import Dataset

AnyRow = Row | TaggedRow | QuestionRow
# Ours to theirs, where the data set says nothing else.
_COLUMNS = {
    "classification": {"text": "text", "label": "label"},
    "tagging": {"words": "tokens", "tags": "ner_tags"},
    "qa": {"question": "question", "context": "context", "answers": "answers"},
}


def make_hub_set_source(
    data_set: DataSet, config: SetData, source_language: str, skip: bool
) -> Source:
    """A named data set from the hub, with the same labels as from its files.

    Args:
        skip: pass over faulty rows and count them.

    Raises:
        ConfigError: the hub does not have it in a form that `datasets` reads, or
            `map` renames what it does not have.
        DataError: a language of the configuration is not there.
    """
    hub = _require_hub(data_set)
    load = cache(lambda name, split: load_split(hub.path, name, split, config.revision))

    @cache
    def forms() -> dict[str, str]:
        return _forms(hub, config)

    def rows(language: str, split: Split, faults: Faults) -> list[AnyRow]:
        if language not in forms():
            missing = unknown_language(language, forms(), f"data set {hub.path!r}")
            raise NotThereError(str(missing))
        form = forms()[language]
        name = hub.config.replace("{language}", form)
        data = load(name, _split_name(hub, config, split))
        return _rows(data, data_set, hub, form, faults)

    seen: LabelSet = ()
    if not data_set.labels and data_set.task != "qa":
        found = rows(source_language, "train", Faults(skip))
        seen = _labels(found, has_entity_types(data_set))
    label_map = make_label_map(data_set, config, seen)

    def read(language: str, split: Split) -> AnyExamples:
        faults = Faults(skip)
        given = rows(language, split, faults)
        made = _make(given, data_set, label_map, language, split, faults)
        return limited(made, config.limit.get(split))

    return Source(
        labels=label_map.labels,
        languages=cache(lambda: tuple(sorted(forms()))),
        read=read,
        task=data_set.task,
        licence=data_set.licence,
    )


def _require_hub(data_set: DataSet) -> Hub:
    if data_set.hub is None:
        raise ConfigError(
            f"data.path: {data_set.name} must come from a folder with its original "
            f"files, since the hub does not have it in a form that `datasets` reads; "
            f"got no folder. Get the files from {data_set.source}."
        )
    return data_set.hub


def _forms(hub: Hub, config: SetData) -> dict[str, str]:
    """Canonical code to the hub's name of it, of all languages that are taken."""
    known = {normalise(code): form for code, form in hub.names.items()}
    if not known:
        names = config_names(hub.path, config.revision)
        known = match_languages(hub.config, names)
    wanted = [normalise(code) for code in config.languages] or list(known)
    for code in wanted:
        if code not in known:
            raise unknown_language(code, known, f"data set {hub.path!r}")
    return {code: known[code] for code in wanted}


def _split_name(hub: Hub, config: SetData, split: Split) -> str:
    taken = [name for name in hub.splits if name in (config.splits or hub.splits)]
    if split not in taken:
        raise NotThereError(
            f"data set {hub.path!r}: must hold split {split!r}; got {taken} of it. "
            f"Choose one of those, or change data.splits."
        )
    return hub.splits[split]


def _rows(
    data: "Dataset", data_set: DataSet, hub: Hub, form: str, faults: Faults
) -> list[AnyRow]:
    """Raw rows of one language."""
    columns = {**_COLUMNS[data_set.task], **hub.columns}
    hint = f"The data set has changed: read {data_set.name} from its original files."
    values = {
        ours: read_column(data, hub.path, theirs, hint)
        for ours, theirs in columns.items()
    }
    names = class_names(data, columns.get("tags", columns.get("label", "")))
    rows: list[AnyRow] = []
    for position, row in _records(values, form):
        name = str(row.get("id", position))
        place = f"data set {hub.path!r}, {data.config_name}, row {position}"
        if data_set.task == "classification":
            label = class_name(row["label"], names)
            label = hub.labels.get(label, label) if isinstance(label, str) else label
            given = {"id": position, **row, "label": label}
            text = make_row(given, place, faults, data_set.labels)
            rows += [] if text is None else [text]
            continue
        made = _row(row, name, place, data_set, names, hub.labels, faults)
        if made is None:
            faults.reject(
                "malformed row",
                f"{place}: every row must hold what the task needs in columns "
                f"{list(columns.values())}; got {brief(row)}. Read "
                f"{data_set.name} from its original files.",
            )
        elif not isinstance(made, QuestionRow):
            rows.append(made)
        elif (checked := check_question(made, faults)) is not None:
            rows.append(checked)
    return rows


def _records(
    values: Mapping[str, list[Any]], form: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Position and columns of each row, of those in the language if a column tells.

    That column holds the hub's name of the language, alone or before a hyphen.
    """
    for position, fields in enumerate(zip(*values.values(), strict=True)):
        row = dict(zip(values, fields, strict=True))
        language = row.pop("language", None)
        if language is None or str(language).split("-")[0] == form:
            yield position, row


def _row(
    row: Mapping[str, Any],
    name: str,
    place: str,
    data_set: DataSet,
    names: LabelSet,
    renamed: Mapping[str, str],
    faults: Faults,
) -> TaggedRow | QuestionRow | None:
    """One raw row of tags or answers; None where it does not hold one."""
    if data_set.task == "tagging":
        words, tags = row["words"], row["tags"]
        if not isinstance(words, list) or not isinstance(tags, list):
            return None
        if len(words) != len(tags) or not all(isinstance(word, str) for word in words):
            return None
        if any(tag is None for tag in tags):
            return None
        given = [str(class_name(tag, names)) for tag in tags]
        changed = sum(spelled(tag) != tag for tag in given)
        if changed:
            faults.note(SPELLED, changed)
        tags = tuple(_tag(spelled(tag), renamed) for tag in given)
        return TaggedRow(name, tuple(words), tags, place)
    answers = _answers(row["answers"])
    texts = row["question"], row["context"]
    if answers is None or not all(isinstance(text, str) for text in texts):
        return None
    return QuestionRow(name, *texts, answers, f"{place} ({name!r})")


def _tag(tag: str, renamed: Mapping[str, str]) -> str:
    """A tag in our spelling; the hub's may differ in the whole or in the type."""
    prefix, dash, kind = tag.partition("-")
    return renamed.get(tag, f"{prefix}{dash}{renamed.get(kind, kind)}")


def _answers(found: object) -> tuple[Answer, ...] | None:
    """Answers from a dictionary of lists, or a list of dictionaries."""
    if isinstance(found, list):
        found = {
            key: [one.get(key) if isinstance(one, dict) else None for one in found]
            for key in ("text", "answer_start")
        }
    if not isinstance(found, dict):
        return None
    texts, starts = found.get("text"), found.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list):
        return None
    answers = tuple(
        Answer(text, start)
        for text, start in zip(texts, starts, strict=False)
        if isinstance(text, str) and is_offset(start)
    )
    return answers if len(answers) == len(texts) == len(starts) else None


def _labels(rows: list[AnyRow], has_types: bool) -> LabelSet:
    """Labels, or entity types, that occur in raw rows."""
    tags = {tag for row in rows if isinstance(row, TaggedRow) for tag in row.tags}
    if has_types:
        return entity_types(tuple(tags))
    labels = label_set([row for row in rows if isinstance(row, Row)])
    return labels or tuple(sorted(tags))


def _make(
    rows: list[AnyRow],
    data_set: DataSet,
    label_map: LabelMap,
    language: str,
    split: Split,
    faults: Faults,
) -> AnyExamples:
    """Checked examples of raw rows, by the task."""
    assert data_set.hub is not None
    labels, origin = label_map.labels, f"data set {data_set.hub.path!r}"
    if data_set.task == "classification":
        texts = [label_map.row(r, faults) for r in rows if isinstance(r, Row)]
        examples = make_examples(texts, labels, language, split, origin, faults)
        return settled(examples, faults)
    if data_set.task == "tagging":
        tagged = [label_map.tagged(r, faults) for r in rows if isinstance(r, TaggedRow)]
        return settled(
            make_tagged(tagged, labels, language, split, origin, faults), faults
        )
    asked = [row for row in rows if isinstance(row, QuestionRow)]
    return make_questions(asked, language, language, split, origin, faults)
