"""From a configuration to a data source, and the one guarded way to read it."""

from xlnas_jax.config.data import (
    AnyData,
    CipherData,
    CldrData,
    FileData,
    HubData,
    MixData,
    PairsData,
    SetData,
    TableData,
)
from xlnas_jax.data.cipher import make_cipher_source
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    LabelSet,
    PairExamples,
    QuestionExamples,
    Source,
    TaggedExamples,
    listed,
)
from xlnas_jax.data.form import Form, form_of, require_contrast, require_text
from xlnas_jax.data.hub import make_hub_source
from xlnas_jax.data.mix import make_mix_source
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.readers.one_file import make_file_source
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.table import make_table_source
from xlnas_jax.data.translations import make_pairs_source
from xlnas_jax.files import located
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import LanguageRoles, Phase, Split
from xlnas_jax.types import DataError


def make_source(
    config: AnyData, roles: LanguageRoles, *, skip_bad_rows: bool = False
) -> Source:
    """The source a configuration describes; every language of the roles is in it.

    Only the training split of the source language is opened here, for the label
    set; of the other languages it is seen that they exist.

    Args:
        skip_bad_rows: pass over faulty rows of files, and count them in the report
            of what is read; otherwise the first one raises.

    Raises:
        DataError: a language is missing; the nearest ones are named.
    """
    source = _make(config, roles.source, skip_bad_rows)
    if source.task == "classification" and len(source.labels) < 2:
        raise _too_few(config, source.labels)
    known = source.languages()
    for language in roles.all:
        if language not in known:
            raise unknown_language(language, known, f"data ({_where(config)})")
    return source


def make_parallel_source(
    config: PairsData, source_language: str, skip: bool = False
) -> Source:
    """Translations from a language without a role, for what learns from no label.

    Args:
        skip: as `skip_bad_rows` above.
    """
    return _make(config, source_language, skip)


def read(
    source: Source, roles: LanguageRoles, language: str, split: Split, phase: Phase
) -> AnyExamples:
    """Examples of a language and split, if its role lets this phase see them.

    Raises:
        LeakError: the role forbids it (see `LanguageRoles.require`).
    """
    roles.require(language, split, phase)
    return _checked(source, roles, language, split)


def read_learnt(source: Source, roles: LanguageRoles) -> AnyExamples:
    """What weights learn from of the source language: augmented, where that is asked.

    Raises:
        LeakError: as `read`.
    """
    roles.require(roles.source, "train", "train")
    rows = _checked(source, roles, roles.source, "train")
    return rows if source.learnt is None else source.learnt().examples


def inspect(source: Source, roles: LanguageRoles, language: str, split: Split) -> Form:
    """The form of a language and split: what phase `check` may see, of any role.

    All of it is read and checked as it will be when it is used, but no example is
    given out, and none is kept.

    Raises:
        ConfigError: the language has no role.
        DataError: the split is not there, or a row of it is faulty.
    """
    roles.role_of(language)
    return form_of(_checked(source, roles, language, split), source.labels)


def _checked(
    source: Source, roles: LanguageRoles, language: str, split: Split
) -> AnyExamples:
    found = source.read(normalise(language), split)
    require_text(found)
    if found.split == "train" and found.language == roles.source:
        require_contrast(found, source.labels)
    return found


def _too_few(config: AnyData, labels: LabelSet) -> DataError:
    return DataError(
        f"data ({_where(config)}): texts must be of at least two classes; got "
        f"{listed(labels)}. Check the label column, or give the classes in data.labels."
    )


def _where(config: AnyData) -> str:
    """What a user knows the data by."""
    if isinstance(config, HubData):  # not always a path
        return config.path
    path = getattr(config, "path", "")
    return located(path) if path else config.kind


def _make(config: AnyData, source_language: str, skip: bool) -> Source:
    match config:
        case SetData():
            return make_set_source(config, source_language, skip)
        case MixData():
            parts = [_make(part, source_language, skip) for part in config.parts]
            return make_mix_source(config, parts)
        case TableData():
            return make_table_source(config, source_language, skip)
        case FileData():
            return make_file_source(config, source_language, skip)
        case HubData():
            return make_hub_source(config, source_language, skip)
        case CldrData():
            return make_cldr_source(config)
        case CipherData():
            base = _make(config.base, normalise(config.base_language), skip)
            return make_cipher_source(config, base)
        case PairsData():
            return make_pairs_source(
                config,
                source_language,
                lambda place: _make(place, source_language, skip),
                skip,
            )


def is_paired(source: Source, roles: LanguageRoles) -> bool:
    """Whether examples are pairs of texts that are classified."""
    if source.is_paired is not None:
        return source.is_paired
    if source.task != "classification":
        return False
    found = read(source, roles, roles.source, "train", "train")
    return isinstance(found, Examples) and found.pairs is not None


def read_texts(source: Source, language: str, split: Split) -> tuple[str, ...]:
    """Texts without their labels, which every phase may see in every language."""
    found = source.read(normalise(language), split)
    require_text(found)
    return found.texts


def read_texts_by_id(source: Source, language: str, split: Split) -> dict[str, str]:
    """The same by the ids of their rows."""
    found = source.read(normalise(language), split)
    require_text(found)
    return dict(zip(found.ids, found.texts, strict=True))


def read_wording(
    source: Source, language: str, split: Split, prefix: str = ""
) -> tuple[str | tuple[str, ...], ...]:
    """As `read_texts`, but all that is tokenised, as it is: second texts, questions.

    Tagged sentences are split into words; a context of several questions comes once.

    Args:
        prefix: what stands before texts; see `data.tokens.tokenizer.Tokenizer`.
    """
    found = source.read(normalise(language), split)
    require_text(found)
    return wording(found, prefix)


def wording(found: AnyExamples, prefix: str = "") -> tuple[str | tuple[str, ...], ...]:
    """All of examples that is tokenised, as it is."""
    match found:
        case Examples():
            return (*(prefix + text for text in found.texts), *(found.pairs or ()))
        case QuestionExamples():
            asked = (prefix + question for question in found.questions)
            return (*dict.fromkeys(found.contexts), *asked)
        case PairExamples():
            every = dict.fromkeys((*found.texts, *found.translations))
            return tuple(prefix + text for text in every)
        case TaggedExamples():
            before = prefix.split()
            return tuple((*before, *words) for words in found.words)
