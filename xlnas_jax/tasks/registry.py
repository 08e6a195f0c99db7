"""Every kind of task by its name."""

from collections.abc import Callable, Mapping

from xlnas_jax.tasks import retrieval
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import make_qa
from xlnas_jax.tasks.tagging import make_tagging

# `(labels, label_smoothing, width) -> task`.
TASKS: Mapping[str, Callable[[tuple[str, ...], float, int], Task]] = {
    "classification": lambda labels, smoothing, width: make_classification(
        labels, smoothing
    ),
    "tagging": lambda labels, smoothing, width: make_tagging(labels, smoothing),
    "qa": lambda labels, smoothing, width: make_qa(),
    retrieval.KIND: lambda labels, smoothing, width: retrieval.make_retrieval(width),
}


def make_task(
    kind: str, labels: tuple[str, ...], width: int, label_smoothing: float = 0.0
) -> Task:
    """The functions of one kind of task.

    Args:
        width: of the model.
    """
    return TASKS[kind](labels, label_smoothing, width)
