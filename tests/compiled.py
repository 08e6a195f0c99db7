"""What tests call by itself as one program each, instead of one for every operation.

An operation outside of `jit` is traced, lowered and compiled alone, about 30 ms each
time its shapes are new: most of what a small test would take.
"""

from typing import Any

import jax
import jax.numpy as jnp

from xlnas_jax.tasks.base import Task


def compiled(task: Task) -> Task:
    """The same task, each of its functions compiled; to be made once for a module."""
    return task._replace(
        loss=jax.jit(task.loss),
        distill=jax.jit(task.distill, static_argnums=3),
        statistics=jax.jit(task.statistics),
        metrics=jax.jit(task.metrics),
        predict=jax.jit(task.predict),
    )


@jax.jit
def copied(tree: Any) -> Any:
    """The same arrays in buffers of their own, for what donates what it is given."""
    return jax.tree.map(jnp.copy, tree)
