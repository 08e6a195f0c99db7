"""`xlnas evaluate`: metrics per language of an exported model, or of several."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.files import finite
from xlnas_jax.terminal.text import Grid, make_console


@dataclass(frozen=True)
class Evaluate:
    """Score an exported model on labelled text, language by language.

    Attributes:
        model: an exported model directory, or the name of one on the hub. Several of
            one task, of any architectures, answer as one, by the mean of their
            probabilities.
        data: a configuration that says where the text is (its test split is
            scored), or one file: TSV, CSV or JSONL for classification, a word a
            line (CoNLL, CoNLL-U) for tagging, JSON as in SQuAD for questions.
        task: of a configuration with several tasks, the one to score; needed only
            where several are of the model's kind.
        language: languages to score; all of the configuration's if none is given.
            For a file, the one language it is in.
        text_column: column of the text in a table.
        label_column: column of the label in a table.
        pair_column: column of the second text of each pair in a table, if there is.
        word_column: position of the word in a CoNLL file, counted from 0.
        tag_column: position of the tag in a CoNLL file; -1 is the last column.
        form: score what lies beside the model for another library, as that library
            runs it: `onnx`, `onnx-int8`, `hf` or `stablehlo`; the model itself if
            not given.
        translate_test: read what texts are in the source language, by the
            configuration's section of that name; rows without a translation are read
            as they are, and counted.
        skip_bad_rows: pass over faulty rows; otherwise the first one is an error.
        json: print one JSON object instead of a table.
    """

    model: Annotated[tuple[Path, ...], tyro.conf.Positional]
    data: Path
    task: str = ""
    language: tuple[str, ...] = ()
    text_column: str = "text"
    label_column: str = "label"
    pair_column: str = ""
    word_column: int = 0
    tag_column: int = -1
    form: str = ""
    translate_test: bool = False
    skip_bad_rows: bool = False
    json: bool = False

    def run(self) -> None:
        """Prints the task's official metrics and the size for each language."""
        from xlnas_jax import api

        scores = api.evaluate(
            self.model,
            self.data,
            self.language,
            task=self.task,
            text_column=self.text_column,
            label_column=self.label_column,
            pair_column=self.pair_column,
            word_column=self.word_column,
            tag_column=self.tag_column,
            form=self.form,
            translate_test=self.translate_test,
            skip_bad_rows=self.skip_bad_rows,
            show=True,
        )
        if self.json:
            text = json.dumps(finite(scores), ensure_ascii=False, allow_nan=False)
            print(text)
        else:
            models = " and ".join(map(str, self.model))
            make_console().print(make_grid(f"{models}, {self.data}", scores))


def make_grid(title: str, scores: dict[str, dict[str, int | float]]) -> Grid:
    """One language a row; a language may lack a metric that others have."""
    names = dict.fromkeys(name for values in scores.values() for name in values)
    rows = [
        (code, *(_shown(values.get(name, "-")) for name in names))
        for code, values in scores.items()
    ]
    return Grid(title, ("language", *names), rows)


def _shown(value: int | float | str) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}"
    return str(value)
