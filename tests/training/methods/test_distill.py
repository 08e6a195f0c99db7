"""What is distilled: against PyTorch, and only from where labels are."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, random_batch, tiny_params, tiny_space
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.distance import distance
from xlnas_jax.training.methods import distill
from xlnas_jax.training.methods.base import Setting, label_loss
from xlnas_jax.training.step import network_of
from xlnas_jax.types import Said

SPACE = tiny_space()
SUPERNET = make_supernet(SPACE, SHAPE)
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


def setting(**changes: float) -> Setting:
    config = dataclasses.replace(TrainConfig(num_random=1), **changes)
    return Setting(config, network_of(SUPERNET), SPACE, TASK)


def said(seed: int, rows: int = 6) -> Said:
    rng = np.random.default_rng(seed)
    logits, vector = rng.normal(size=(rows, NUM_LABELS)), rng.normal(size=(rows, 24))
    return Said(jnp.asarray(logits, jnp.float32), jnp.asarray(vector, jnp.float32))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_distance_is_that_of_pytorch(temperature: float) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    ours, theirs, batch = said(0), said(1), random_batch(0, 6, 8)
    weight = torch.tensor(np.asarray(batch.weight))

    def tensors(one: Said):
        return torch.tensor(np.asarray(one.logits)), torch.tensor(
            np.asarray(one.vector)
        )

    (a, u), (b, v) = tensors(ours), tensors(theirs)
    apart = functional.kl_div(
        functional.log_softmax(a / temperature, -1),
        functional.softmax(b / temperature, -1),
        reduction="none",
    ).sum(-1)
    turned = 1.0 - functional.cosine_similarity(u, v)
    every = temperature**2 * apart + 3.0 * turned
    expected = float((every * weight).sum() / weight.sum())
    own = setting(kd_temperature=temperature, kd_vector=3.0)
    assert float(distance(own, ours, theirs, batch)) == pytest.approx(
        expected, rel=1e-5
    )


def test_the_distance_of_likenesses_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    ours, theirs, batch = said(0), said(1), random_batch(0, 6, 8)
    batch = dataclasses.replace(batch, weight=jnp.asarray([1.0] * 4 + [0.0, 0.0]))
    u, v = (
        functional.normalize(torch.tensor(np.asarray(one.vector))[:4], dim=-1)
        for one in (ours, theirs)
    )
    expected = functional.kl_div(
        functional.log_softmax(u @ v.T / 0.2, -1),
        functional.softmax(v @ v.T / 0.2, -1),
        reduction="batchmean",
    )
    plain, own = (
        float(distance(setting(**given), ours, theirs, batch))
        for given in ({}, {"kd_relation": 3.0, "relation_temperature": 0.2})
    )
    assert own - plain == pytest.approx(3.0 * float(expected), rel=1e-5)
    same = distance(setting(kd_relation=1.0), theirs, theirs, batch)
    assert float(same) == pytest.approx(0.0, abs=1e-5)


def test_rows_without_labels_have_no_loss_on_labels() -> None:
    batch = dataclasses.replace(random_batch(0, 6, 8), weight=jnp.ones(6))
    half = jnp.asarray([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    some = dataclasses.replace(batch, labelled=half)
    first = jax.tree.map(lambda leaf: leaf[:3], batch)
    logits = said(0).logits
    found = label_loss(setting(), logits, some)
    np.testing.assert_allclose(
        found, label_loss(setting(), logits[:3], first), rtol=1e-6
    )
    none = dataclasses.replace(batch, labelled=jnp.zeros(6))
    assert float(label_loss(setting(), logits, none)) == 0.0


@pytest.mark.slow
def test_labels_of_no_row_matter_where_they_have_no_weight() -> None:
    params, batch = tiny_params(), random_batch(0, 6, 8)
    other = dataclasses.replace(batch, label=(batch.label + 1) % NUM_LABELS)
    found = []
    for weight in (0.0, 1.0):
        own, grads = setting(kd_labels=weight), []
        for one in (batch, other):
            heard = dataclasses.replace(one, said=said(1))
            x = SUPERNET.embed(params.encoder.embeddings, heard)
            run = jax.jit(
                lambda p, x, b, own=own: distill.gradients(
                    own, (), p, x, b, jax.random.key(0)
                )
            )
            _, (grad, _), _ = run(params, x, heard)
            grads.append(grad.head.output.bias)
        found.append(bool((grads[0] == grads[1]).all()))
    assert found == [True, False]


def test_the_full_network_is_no_pupil() -> None:
    """Units that only the largest network has get no gradients."""
    params, batch = tiny_params(), random_batch(0, 6, 8)
    batch = dataclasses.replace(batch, said=said(1))
    x = SUPERNET.embed(params.encoder.embeddings, batch)
    run = jax.jit(
        lambda: distill.gradients(
            setting(num_random=0), (), params, x, batch, jax.random.key(0)
        )
    )
    _, (grads, _), _ = run()
    # The smallest keeps one layer, one head and eight neurons.
    kernel = np.abs(np.asarray(grads.encoder.layers.up.kernel)).sum((0, 1))
    assert (kernel[:8] > 0).all()
    assert (kernel[8:] == 0).all()


def seen(params, batch, values: dict | None = None) -> Said:
    """What a network says, its layers too."""
    network = network_of(SUPERNET, sees_layers=True)
    x = SUPERNET.embed(params.encoder.embeddings, batch)
    if values is None:
        return jax.jit(network.full)(params, x, batch, SPACE.largest())
    arch = SPACE.unflatten(jnp.asarray(SPACE.from_values(values)))
    assert network.sub is not None
    return jax.jit(network.sub)(params, x, batch, arch)


def test_a_network_shows_the_mean_vector_after_every_layer_it_keeps() -> None:
    params, batch = tiny_params(), random_batch(0, 6, 8)
    full = seen(params, batch)
    assert full.layers is not None and full.vector is not None
    layers = SHAPE.num_layers
    assert full.layers.shape == (6, layers, SHAPE.width)
    np.testing.assert_allclose(full.layers[:, -1], full.vector, atol=1e-6)
    # Outside oracle: the network that ends there.
    values = SPACE.values(np.asarray(SPACE.flatten(SPACE.largest())))
    for depth in range(1, layers):
        first = {**values, "keep": [1] * depth + [0] * (layers - depth)}
        part = seen(params, batch, first)
        assert part.layers is not None and part.kept is not None
        assert part.kept.tolist() == first["keep"]
        x = SUPERNET.embed(params.encoder.embeddings, batch)
        arch = SPACE.unflatten(jnp.asarray(SPACE.from_values(first)))
        hidden = np.asarray(SUPERNET.encode(params, x, batch, arch))
        mask = np.asarray(batch.mask)[..., None]
        mean = (hidden * mask).sum(1) / np.maximum(mask.sum(1), 1)
        np.testing.assert_allclose(part.layers[:, depth - 1], mean, atol=1e-5)
        np.testing.assert_allclose(full.layers[:, depth - 1], mean, atol=1e-5)


def test_layers_count_by_the_variance_that_they_leave_unexplained() -> None:
    params, batch = tiny_params(), random_batch(0, 6, 8)
    theirs = seen(params, batch)
    own = setting(kd_layers=0.5)
    assert float(distance(own, theirs, theirs, batch)) == pytest.approx(0.0, abs=1e-6)
    assert theirs.layers is not None
    # A teacher's mean explains nothing of it: 1 for each layer that is kept.
    weight = np.asarray(batch.weight)
    mean = (np.asarray(theirs.layers) * weight[:, None, None]).sum(0) / weight.sum()
    flat = jnp.broadcast_to(jnp.asarray(mean)[None], theirs.layers.shape)
    ours = dataclasses.replace(theirs, layers=flat)
    assert float(distance(own, ours, theirs, batch)) == pytest.approx(0.5, rel=1e-4)
    # Of layers that are not there nothing is asked.
    layers = SHAPE.num_layers
    kept = jnp.asarray([1.0] + [0.0] * (layers - 1))
    wrong = theirs.layers.at[:, 1:].add(100.0)
    ours = dataclasses.replace(theirs, layers=wrong, kept=kept)
    assert float(distance(own, ours, theirs, batch)) == pytest.approx(0.0, abs=1e-6)


def test_without_a_weight_layers_are_not_looked_at() -> None:
    params, batch = tiny_params(), random_batch(0, 6, 8)
    full = seen(params, batch)
    assert full.layers is not None
    ours = dataclasses.replace(full, layers=full.layers + 1.0)
    assert float(distance(setting(), ours, full, batch)) == pytest.approx(0.0, abs=1e-6)
