"""What trimming does to a vocabulary, and to texts that it has not seen."""

from xlnas_jax.data.sources import read_wording
from xlnas_jax.data.tokens.trimming.compare import Comparison, compare
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.pieces.vocabulary import Trimming, Vocabulary
from xlnas_jax.languages.codes import titled
from xlnas_jax.space.words import WordRows
from xlnas_jax.terminal.text import Grid

HEADINGS = (
    "language",
    "tokens before",
    "after",
    "growth %",
    "<unk> % before",
    "after",
)


def vocabulary_tables(experiment: Experiment) -> list[Grid]:
    """Of each task, texts of all languages, where the vocabulary is trimmed.

    The texts are those of test splits, without labels: none of them was counted.
    """
    vocabulary = experiment.vocabulary
    if vocabulary is None or vocabulary.trimming is None:
        return []
    tables = [
        _of_task(experiment, part, vocabulary, vocabulary.trimming)
        for part in experiment.parts
    ]
    words = experiment.shape.words
    return tables if words is None else [*tables, _of_shares(experiment, words)]


def _of_shares(experiment: Experiment, words: WordRows) -> Grid:
    """What each choice of `space.vocabulary` has and saves."""
    pieces, width = experiment.shape.vocab_size, experiment.shape.width
    rows = [
        (f"{100 * share:g}", f"{size:,}", f"{(pieces - size) * width:,}")
        for share, size in zip(words.shares, words.sizes.tolist(), strict=True)
    ]
    title = f"Rows of the word table that {pieces:,} pieces have"
    headings = "% of tokens with rows of their own", "rows", "parameters fewer"
    return Grid(title, headings, rows)


def _of_task(
    experiment: Experiment, part: TaskPart, vocabulary: Vocabulary, trimming: Trimming
) -> Grid:
    where = f"{part.name}: " if len(experiment.parts) > 1 else ""
    kept, width = len(trimming.kept), experiment.shape.width
    title = (
        f"{where}Vocabulary: {kept:,} of {vocabulary.rows:,} pieces, "
        f"{(vocabulary.rows - kept) * width:,} parameters fewer; tokens of a test text"
    )
    rows = []
    for code in part.roles.all:
        texts = read_wording(part.source, code, "test", part.tokenizer.prefix)
        found, _ = compare(trimming.whole, part.tokenizer, trimming.kept, texts)
        rows.append((titled(code, part.codes[code]), *_cells(found)))
    counted = ", ".join(vocabulary.languages)
    files = f", and {vocabulary.num_files} of files" if vocabulary.num_files else ""
    notes = (f"Kept: what train and dev texts use, of {counted}{files}.",)
    return Grid(title, HEADINGS, rows, notes)


def _cells(found: Comparison) -> tuple[str, ...]:
    before, after = found.unknown_rates
    return (
        f"{found.before / found.num_texts:.1f}",
        f"{found.after / found.num_texts:.1f}",
        f"{100 * found.growth:.1f}",
        f"{100 * before:.2f}",
        f"{100 * after:.2f}",
    )
