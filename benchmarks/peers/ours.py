"""Worker of this library: a population through the public evaluator."""

import functools
from typing import Any

import jax
import numpy as np
from cases import abstract_params, name_of
from worker import Case, serve

from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.batches.batches import scoring_batches
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import shape_from
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.types import Batch


def make_batches(
    case: Case, language: np.ndarray, options: dict[str, Any]
) -> tuple[Batch, ...]:
    """As a search makes them; as one batch, where sentences do not differ."""
    rows = Rows(
        encodings=[
            Encoding(ids[:length].tolist(), [0] * int(length))
            for ids, length in zip(case.ids, case.length, strict=True)
        ],
        labels=case.label.astype(np.int32),
        language=language.astype(np.int32),
        example=np.arange(len(case.label), dtype=np.int32),
    )
    # The same tensors for all; how many rows of them run at a time is ours to choose.
    num_buckets, batch_tokens = 1, EvaluateConfig().batch_tokens
    if case.is_ragged:
        num_buckets = TokensConfig().num_buckets
        batch_tokens = options.get("batch_tokens", EvaluateConfig().batch_tokens)
    pad_id = case.shape["pad_id"]
    return jax.device_put(scoring_batches(rows, num_buckets, batch_tokens, pad_id)[0])


class Ours:
    """One form of the evaluator.

    Options: `form` and `chunk` are `make_evaluator`'s, `precision` that of the
    supernet. Where `shares` is false the
    candidates are scored in calls of one, so that none can share work with another.
    """

    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        self.case, self.options = case, options
        shape = shape_from(case.shape)
        choices = {k: tuple(v) for k, v in case.space.items() if k != "min_layers"}
        config = SpaceConfig(min_layers=case.space["min_layers"], **choices)
        self.space = make_space(config, shape)
        precision = options.get("precision", "fp32")
        self.supernet = make_supernet(self.space, shape, options["form"], precision)
        self.params = jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.numpy.asarray(case.weights[name_of(path)]),
            abstract_params(shape, case.num_labels),
        )
        labels = tuple(str(number) for number in range(case.num_labels))
        self.task = make_classification(labels)
        self.evaluate = self._evaluator(self.task, case.num_languages)
        self.batches = make_batches(case, case.language, options)

    def _evaluator(self, task: Task, num_languages: int):
        # A chunk that candidates do not fill would be filled up with idle ones.
        form = self.options["form"]
        chunk = min(self.options["chunk"], len(self.case.rows))
        return make_evaluator(
            self.supernet, self.space, task, num_languages, form, chunk
        )

    def work(self) -> dict[str, np.ndarray]:
        """Accuracies of every candidate and language, on the host."""
        rows = self.case.rows
        score = functools.partial(self.evaluate, self.params)
        if self.options.get("shares", True):
            sums = score(rows, len(rows), self.batches)
        else:
            # The same compiled program, told that only the first is meant.
            turns = [np.roll(rows, -turn, axis=0) for turn in range(len(rows))]
            sums = jax.numpy.stack([score(r, 1, self.batches)[0] for r in turns])
        return {"accuracy": self.task.metrics(np.asarray(sums))["accuracy"]}

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Adds the logits, by the same evaluator.

        Of a task whose statistics are the logits, where every sentence is a language
        of its own: its sums over languages are the logits of single sentences.
        """
        case = self.case
        if not self.options.get("shares", True):
            # The program is that of the sliced form, whose logits are compared.
            return found
        task = self.task._replace(
            statistics=lambda logits, batch: logits, num_statistics=case.num_labels
        )
        num = len(case.label)
        batches = make_batches(case, np.arange(num), self.options)
        evaluate = self._evaluator(task, num)
        logits = evaluate(self.params, case.rows, len(case.rows), batches)
        return {**found, "logits": np.asarray(logits)}

    def facts(self) -> dict[str, Any]:
        """The tokens that it computes."""
        slots = sum(batch.tokens.size for batch in self.batches)
        return {"token_slots": slots}


if __name__ == "__main__":
    serve(Ours, ("jax", "jaxlib", "numpy", "xlnas-jax"))
