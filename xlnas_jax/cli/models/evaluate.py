"""`xlnas evaluate`: metrics per language of an exported model, or of several."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.files import finite
from xlnas_jax.terminal.text import Grid, make_console
from xlnas_jax.types import ConfigError


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
        from xlnas_jax.export import labelled
        from xlnas_jax.export.artifact.load import load, load_form
        from xlnas_jax.export.ensemble import Ensemble
        from xlnas_jax.export.evaluation import evaluate_model
        from xlnas_jax.terminal.report import Reporter

        paths = list(self.model)
        if not paths:
            raise ConfigError("MODEL: at least one directory must be given; got none.")
        if self.form and len(paths) > 1:
            raise ConfigError(
                f"--form: must be of one model, as its library runs it alone; got "
                f"{len(paths)} models. Leave --form out, or give one."
            )
        first, *others = paths
        subnet = load(first)
        subnets = [subnet, *map(load, others)]
        one = Ensemble(subnets) if len(subnets) > 1 else subnet
        common = self.data, subnet, self.language
        left: dict[str, dict[str, int]] = {}
        is_config = self.data.suffix in labelled.CONFIG_SUFFIXES
        if self.translate_test:
            if not is_config:
                raise ConfigError(
                    f"--translate-test: needs a configuration as --data, whose section "
                    f"translate_test says by what texts are translated; got "
                    f"{self.data}. Give one, or leave it out."
                )
            given = *common, self.task, self.skip_bad_rows
            parts, left = labelled.read_translated(*given)
        elif is_config:
            parts = labelled.read_config(*common, self.task, self.skip_bad_rows)
        else:
            columns = labelled.FileColumns(
                self.text_column,
                self.label_column,
                self.pair_column,
                self.word_column,
                self.tag_column,
            )
            parts = labelled.read_file(*common, columns, self.skip_bad_rows)
        call = load_form(first, subnet, self.form) if self.form else None
        with Reporter() as report:
            scores = evaluate_model(one, parts, call, report)
        scores = {code: {**own, **left.get(code, {})} for code, own in scores.items()}
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
