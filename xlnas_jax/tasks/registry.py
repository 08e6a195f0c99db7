"""Every kind of task by its name."""

from collections.abc import Callable, Mapping

from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import make_qa
from xlnas_jax.tasks.tagging import make_tagging

# `(labels, label_smoothing) -> task`.
TASKS: Mapping[str, Callable[[tuple[str, ...], float], Task]] = {
    "classification": make_classification,
    "tagging": make_tagging,
    "qa": lambda labels, label_smoothing: make_qa(),
}


def make_task(kind: str, labels: tuple[str, ...], label_smoothing: float = 0.0) -> Task:
    """The functions of one kind of task."""
    return TASKS[kind](labels, label_smoothing)
