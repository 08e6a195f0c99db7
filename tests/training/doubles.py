"""A network of two matrices, which compiles at once, as transfer methods run one."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import random_batch, tiny_space
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import EncoderParams, SupernetParams
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import SpanLabels, make_qa
from xlnas_jax.tasks.tagging import TagLabels, make_tagging
from xlnas_jax.training.methods.base import Network, Setting
from xlnas_jax.types import Architecture, Batch, Said

SPACE: SearchSpace = tiny_space(min_layers=2)
WIDTH, ROWS, LENGTH = 8, 6, 10
TASKS = {
    "classification": make_classification(tuple("abcde")),
    "tagging": make_tagging(("O", "B-PER", "I-PER")),
    "qa": make_qa(),
}


def small_params(task: Task, inner: int = 12) -> SupernetParams:
    """Random weights; no part of it is of the supernet's own kinds."""
    rng = np.random.default_rng(0)
    shapes = (60, WIDTH), (WIDTH, inner), (inner, task.num_outputs)
    word, kernel, output = (
        jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes
    )
    tables: Any = {"word": word}
    layers: Any = {"kernel": kernel}
    head: Any = {"output": output}
    return SupernetParams(EncoderParams(tables, layers), head)


def embed_small(tables: Any, batch: Batch) -> Any:
    return tables["word"][batch.tokens]


def small_network(task: Task, dropout: float = 0.0) -> Network:
    """Tokens through two matrices; sub-networks say the same more softly."""

    def full(
        params: Any, x: Any, batch: Batch, arch: Architecture, key: Any = None
    ) -> Said:
        hidden = jnp.tanh(x @ params.encoder.layers["kernel"])
        if dropout and key is not None:
            kept = jax.random.bernoulli(key, 1.0 - dropout, hidden.shape)
            hidden = hidden * kept.astype(hidden.dtype)
        mask = batch.mask.astype(jnp.float32)[..., None]
        vector = (hidden * mask).sum(1) / mask.sum(1)
        read = hidden if task.reads_tokens else vector
        return Said(read @ params.head["output"], vector)

    def sub(params: Any, x: Any, batch: Batch, arch: Architecture) -> Said:
        said = full(params, x, batch, arch)
        softer = 1.0 / (1.0 + SPACE.flatten(arch).sum().astype(jnp.float32))
        return said.replace(logits=said.logits * softer, vector=said.vector + softer)

    return Network(full, sub)


def small_setting(
    kind: str = "classification", dropout: float = 0.0, **changes: Any
) -> Setting:
    """Where a method works on that network."""
    task = TASKS[kind]
    network = small_network(task, dropout)
    return Setting(TrainConfig(**changes), network, SPACE, task)


def uneven_batch(kind: str = "classification", rows: int = ROWS) -> Batch:
    """Rows of which some are fillers, and which have different numbers of words."""
    batch, rng = random_batch(0, rows, LENGTH, seed=1), np.random.default_rng(0)
    length = np.asarray(batch.length)
    weight = np.ones(rows, np.float32)
    weight[-1] = 0.0
    label: Any = batch.label
    if kind == "tagging":
        position = np.where(np.arange(LENGTH)[None] < length[:, None], 0, -1)
        position += np.arange(LENGTH)[None] * (position >= 0)
        tag = np.where(position >= 0, rng.integers(0, 3, position.shape), -1)
        label = TagLabels(*(jnp.asarray(x, jnp.int32) for x in (position, tag)))
    if kind == "qa":
        zeros, gold = np.zeros(rows), np.zeros((rows, 1))
        spans = zeros, length - 1, zeros, length, zeros, np.arange(rows), gold, gold
        label = SpanLabels(*(jnp.asarray(x, jnp.int32) for x in spans))
    return batch.replace(label=label, weight=jnp.asarray(weight))


class OfTorch(NamedTuple):
    """The same network in PyTorch, of sentences, with leaves that take gradients."""

    x: Any
    kernel: Any
    output: Any
    batch: Batch

    def logits(self, added: Any = 0.0, kept: Any = 1.0) -> Any:
        import torch

        mask = torch.tensor(np.array(self.batch.mask, np.float32))[..., None]
        hidden = torch.tanh((self.x + added) @ self.kernel) * kept * mask
        return (hidden.sum(1) / mask.sum(1)) @ self.output

    def mean(self, rows: Any) -> Any:
        """Over rows that count and have a label."""
        import torch

        weight = torch.tensor(np.array(self.batch.weight))
        if self.batch.labelled is not None:
            weight = weight * torch.tensor(np.array(self.batch.labelled))
        return (rows * weight).sum() / weight.sum()

    def loss(self, logits: Any) -> Any:
        import torch

        label = torch.tensor(np.array(self.batch.label), dtype=torch.long)
        rows = torch.nn.functional.cross_entropy(logits, label, reduction="none")
        return self.mean(rows)


def of_torch(params: SupernetParams, batch: Batch) -> OfTorch:
    import torch

    layers: Any = params.encoder.layers
    head: Any = params.head
    x = embed_small(params.encoder.embeddings, batch)
    leaves = (
        torch.tensor(np.array(leaf), requires_grad=True)
        for leaf in (x, layers["kernel"], head["output"])
    )
    return OfTorch(*leaves, batch)


def assert_gradients_of_torch(found: Any, theirs: OfTorch, loss: Any) -> None:
    """Ours of weights and tokens are those that PyTorch has of its own loss."""
    loss.backward()
    grads, x_grad = found
    pairs = (
        (x_grad, theirs.x),
        (grads.encoder.layers["kernel"], theirs.kernel),
        (grads.head["output"], theirs.output),
    )
    for ours, leaf in pairs:
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=2e-6, rtol=1e-4)
        assert np.abs(ours).max() > 1e-3
