"""`xlnas evaluate`: metrics per language of an exported model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Evaluate:
    """Score an exported model on labelled text, language by language.

    Attributes:
        model: an exported model directory.
        data: a configuration whose `data` section says where the text is (its test
            split is scored), or one TSV, CSV or JSONL file.
        language: languages to score; all of the configuration's if none is given.
            For a file, the one language it is in.
        text_column: column of the text in a file.
        label_column: column of the label in a file.
        json: print one JSON object instead of a table.
    """

    model: Annotated[Path, tyro.conf.Positional]
    data: Path
    language: tuple[str, ...] = ()
    text_column: str = "text"
    label_column: str = "label"
    json: bool = False

    def run(self) -> None:
        """Prints accuracy, macro-F1, loss and size for each language."""
        from xlnas_jax.export.evaluation import evaluate_model, read_labelled
        from xlnas_jax.export.load import load

        subnet = load(self.model)
        parts = read_labelled(
            self.data, self.language, self.text_column, self.label_column, subnet.labels
        )
        scores = evaluate_model(subnet, parts)
        if self.json:
            print(json.dumps(scores, ensure_ascii=False))
            return
        table = Table(title=f"{self.model}, {self.data}", title_justify="left")
        table.add_column("language")
        for name in next(iter(scores.values())):
            table.add_column(name, justify="right")
        for code, values in scores.items():
            cells = (
                f"{v:.4f}" if isinstance(v, float) else str(v) for v in values.values()
            )
            table.add_row(code, *cells)
        Console().print(table)
