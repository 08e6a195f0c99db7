"""Tables of what a search uses beside labelled rows: text alone, and translations."""

from xlnas_jax.data.sources import read
from xlnas_jax.data.tokens.coverage import fertility, unk_rate
from xlnas_jax.experiment.parts import Experiment, TaskPart, learns_from_text
from xlnas_jax.experiment.translations.translated import (
    PROJECTED,
    projected_of,
    translations_of,
)
from xlnas_jax.experiment.unlabelled import read_texts
from xlnas_jax.languages.codes import titled
from xlnas_jax.terminal.text import Grid


def make_text_table(experiment: Experiment, part: TaskPart, where: str) -> Grid:
    """By language, how many texts are learnt from, and how many are kept."""
    is_learnt = learns_from_text(experiment.config)
    rows = []
    for one in read_texts(experiment, part):
        code, texts = one.learnt.language, one.learnt.texts
        measured = "auxiliary dev" if code in part.roles.aux_heldout else "-"
        if code in experiment.heard(part):
            measured = f"{len(one.kept):,} texts"
        rows.append(
            (
                titled(code, part.codes[code]),
                part.roles.role_of(code),
                f"{len(texts):,}" if is_learnt else "-",
                measured if part.task.measures_divergence else "-",
                f"{fertility(part.tokenizer, texts):.2f}",
                f"{100 * unk_rate(part.tokenizer, texts):.1f}",
            )
        )
    headings = ("language", "its role", "texts learnt from", "divergence on")
    counts = ("tokens per word", "<unk> %")
    notes = ()
    if any(code in part.roles.target for code in part.roles.unlabelled):
        notes = ("Text of targets is used (languages.target_text).",)
    return Grid(f"{where}Text without labels", (*headings, *counts), rows, notes)


def make_translation_table(experiment: Experiment, part: TaskPart, where: str) -> Grid:
    """By language, how many training rows are translated, and what is left out."""
    source = read(part.source, part.roles, part.roles.source, "train", "train")
    rows = []
    if part.task.kind in PROJECTED:
        for one in projected_of(experiment, part, [source]):
            report = one.report
            counts = {**report.notes, **report.rejected}
            left = ", ".join(f"{count} {why}" for why, count in counts.items())
            rows.append((one.language, len(one), left))
    else:
        for one in translations_of(experiment, part):
            rows.append((one.language, len(one.texts), ""))
    title = f"{where}Translations of {len(source):,} training rows"
    headings = ("language", "its role", "rows translated", "what was left out")
    cells = [
        (
            titled(code, part.codes[code]),
            part.roles.role_of(code),
            f"{count:,}",
            left or "-",
        )
        for code, count, left in rows
    ]
    return Grid(title, headings, cells)
