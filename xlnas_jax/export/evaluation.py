"""Labelled text from a configuration or a file, and a model's scores on it."""

from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.config import TableData
from xlnas_jax.config_file import load_config
from xlnas_jax.data.batches import batch_examples
from xlnas_jax.data.examples import Examples, LabelSet, make_examples
from xlnas_jax.data.sources import make_source, read
from xlnas_jax.data.table import read_rows
from xlnas_jax.export.score import score_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.languages import LanguageRoles
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.types import DataError

BATCH_TOKENS = 2048
NUM_BUCKETS = 4
CONFIG_SUFFIXES = (".yaml", ".yml")


def read_labelled(
    path: Path,
    languages: tuple[str, ...],
    text_column: str,
    label_column: str,
    labels: LabelSet,
) -> dict[str, Examples]:
    """Examples by language, with the model's own class ids.

    A configuration's test split is read in the report phase: scoring a finished
    model is the one use of target labels.

    Raises:
        DataError: a label that the model does not know.
    """
    if path.suffix not in CONFIG_SUFFIXES:
        code = languages[0] if languages else "und"
        return {code: _read_file(path, code, text_column, label_column, labels)}
    config = load_config(path)
    roles = LanguageRoles.from_config(config.languages)
    source = make_source(config.data, roles)
    return {
        code: _relabel(
            read(source, roles, code, "test", "report"), source.labels, labels
        )
        for code in languages or config.languages.all
    }


def _relabel(examples: Examples, theirs: LabelSet, ours: LabelSet) -> Examples:
    """The same examples with class ids of the model's label set."""
    missing = [label for label in theirs if label not in ours]
    if missing:
        raise DataError(
            f"the data has labels that the model does not know: {missing}. "
            f"The model's are {list(ours)}."
        )
    ids = np.asarray([ours.index(label) for label in theirs], np.int32)
    return Examples(
        examples.language,
        examples.split,
        examples.ids,
        examples.texts,
        ids[examples.labels],
    )


def _read_file(
    path: Path, code: str, text_column: str, label_column: str, labels: LabelSet
) -> Examples:
    table = TableData(
        path=str(path), text_column=text_column, label_column=label_column
    )
    rows = read_rows(str(path), table)
    return make_examples(rows, labels, code, "test", str(path))


def evaluate_model(
    subnet: Subnet, parts: dict[str, Examples]
) -> dict[str, dict[str, Any]]:
    """Metrics by language, and how many examples they rest on."""
    examples = list(parts.values())
    batches = batch_examples(subnet.tokenizer, examples, NUM_BUCKETS, BATCH_TOKENS)
    task = make_classification(subnet.labels)
    metrics = score_subnet(
        subnet.weights, subnet.shape, subnet.pooling, task, batches, len(parts)
    )
    return {
        code: {
            "examples": len(parts[code]),
            **{name: round(float(v[position]), 6) for name, v in metrics.items()},
        }
        for position, code in enumerate(parts)
    }
