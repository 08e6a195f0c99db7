"""The reversed gradient by PyTorch and by `jax.grad`, and what a fresh probe sees."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LogisticRegression

from tests.training.doubles import (
    WIDTH,
    embed_small,
    of_torch,
    small_params,
    small_setting,
    uneven_batch,
)
from xlnas_jax.alignment.probe import Probed, probe
from xlnas_jax.config.methods.domain import DomainConfig
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.training.methods import adversarial, finetune
from xlnas_jax.training.methods.base import Gradients, Setting
from xlnas_jax.types import Batch

INNER = 12  # the width of a sentence's vector in `doubles`
KEY = jax.random.key(0)
# Of the last language no row is learnt from.
BATCH = dataclasses.replace(
    uneven_batch(),
    labelled=jnp.asarray([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
    language=jnp.asarray([0, 3, 0, 1, 7, 3], jnp.int32),
)
LANGUAGES = (0, 1, 3)


def setting(**domain: Any) -> Setting:
    config = DomainConfig(**{"schedule": "constant", "hidden": 5, **domain})
    made = small_setting(domain=config)
    return made._replace(languages=LANGUAGES, width=INNER, span=(10, 20))


def found(where: Setting, step: int = 10) -> tuple[Gradients, Any]:
    """What the method makes of the batch, and the state that it began with."""
    state = adversarial.init(where, jax.random.key(1))
    params = small_params(where.task)
    x = embed_small(params.encoder.embeddings, BATCH)
    where = where._replace(step=step)
    run = jax.jit(functools.partial(adversarial.gradients, where))
    return run(state, params, x, BATCH, KEY), state


@pytest.fixture(scope="module")
def reversed_grads() -> tuple[Gradients, Any]:
    return found(setting(weight=0.7, learning_rate=0.01, steps=3))


def test_gradients_and_the_discriminators_steps_are_those_of_pytorch(
    reversed_grads,
) -> None:
    torch = pytest.importorskip("torch")

    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, vector):
            return vector.clone()

        @staticmethod
        def backward(ctx, *slopes):
            return -0.7 * slopes[0]

    (_, (grads, x_grad), after), before = reversed_grads
    theirs = of_torch(small_params(setting().task), BATCH)
    leaves = [
        torch.tensor(np.array(leaf), requires_grad=True)
        for leaf in jax.tree.leaves(before.discriminator)
    ]
    # Of each layer the kernel and the bias.
    (a, b, c, d), target = leaves, torch.tensor([0, 2, 0, 1])
    mask = torch.tensor(np.array(BATCH.mask, np.float32))[..., None]
    hidden = torch.tanh(theirs.x @ theirs.kernel) * mask
    vector = hidden.sum(1) / mask.sum(1)
    heard = torch.tensor([0, 1, 2, 3])  # language 7 is unknown, the last row a filler

    def domain(vector: Any) -> Any:
        logits = torch.relu(vector[heard] @ a + b) @ c + d
        return torch.nn.functional.cross_entropy(logits, target)

    (theirs.loss(theirs.logits()) + domain(Reverse.apply(vector))).backward()
    pairs = (
        (x_grad, theirs.x),
        (grads.encoder.layers["kernel"], theirs.kernel),
        (grads.head["output"], theirs.output),
    )
    for ours, leaf in pairs:
        np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=2e-6, rtol=1e-4)
    adam = torch.optim.Adam(leaves, lr=0.01)
    for _ in range(3):
        adam.zero_grad()
        domain(vector.detach()).backward()
        adam.step()
    for ours, leaf in zip(jax.tree.leaves(after.discriminator), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.detach().numpy(), atol=1e-5)


def test_features_get_the_plain_gradient_times_less_than_nothing(
    reversed_grads,
) -> None:
    (_, grads, _), state = reversed_grads
    where = setting(weight=0.0)
    (_, plain, _), _ = found(where)

    @jax.jit
    def uphill(params: SupernetParams, x: Any) -> Any:
        def loss(params: SupernetParams, x: Any) -> Any:
            arch = where.space.largest()
            vector = where.network.full(params, x, BATCH, arch).vector
            return adversarial.domain_loss(
                state.discriminator, vector, BATCH, LANGUAGES
            )

        return jax.grad(loss, argnums=(0, 1))(params, x)

    params = small_params(where.task)
    slope = uphill(params, embed_small(params.encoder.embeddings, BATCH))
    jax.tree.map(
        lambda ours, label, own: np.testing.assert_allclose(
            ours - label, -0.7 * own, atol=1e-6, rtol=1e-3
        ),
        *(grads, plain, slope),
    )
    assert np.abs(slope[0].encoder.layers["kernel"]).max() > 1e-3


def test_without_weight_it_is_fine_tuning_bit_for_bit() -> None:
    where = setting(weight=0.0)
    ours, state = found(where)
    params = small_params(where.task)
    x = embed_small(params.encoder.embeddings, BATCH)
    plain = jax.jit(functools.partial(finetune.gradients, where))
    expected = plain(state, params, x, BATCH, KEY)
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True)
    assert all((one == other).all() for one, other in pairs)


def test_its_weight_rises_with_the_share_of_its_own_training() -> None:
    where = setting(weight=2.0, schedule="rising")
    config, state = where.config.domain, adversarial.init(where, KEY)
    steps = np.asarray([10, 12, 20, 30, 40])
    found = [float(adversarial.rate(config, state, int(step))) for step in steps]
    share = np.clip((steps - 10) / 20, 0.0, 1.0)
    np.testing.assert_allclose(
        found, 2.0 * (2.0 / (1.0 + np.exp(-10.0 * share)) - 1.0), rtol=1e-5
    )
    assert found[0] == 0.0 and found[3] == found[4]


ROWS, STEPS = 120, 500
NUM_LABELS = 5  # of the task in `doubles`


def planted(seed: int, rows: int) -> tuple[jax.Array, Batch]:
    """Embedded tokens of three languages, each of which moves all of its own.

    Labels lie along dimensions 0 to 4, languages along 5 to 7; both are alike in all
    languages, and nothing but labels of the first one is learnt from.
    """
    rng = np.random.default_rng(seed)
    label, language = (
        np.resize(np.arange(n), rows) for n in (NUM_LABELS, len(LANGUAGES))
    )
    tokens = 1.5 * np.eye(WIDTH)[label] + np.eye(WIDTH)[5 + language]
    x = tokens[:, None] + 0.4 * rng.normal(size=(rows, 4, WIDTH))
    batch = uneven_batch(rows=rows)
    batch = dataclasses.replace(
        batch,
        tokens=batch.tokens[:, :4],
        segments=batch.segments[:, :4],
        label=jnp.asarray(label, jnp.int32),
        language=jnp.asarray(np.asarray(LANGUAGES)[language], jnp.int32),
        labelled=jnp.asarray(language == 0, jnp.float32),
        length=jnp.full(rows, 4, jnp.int32),
        weight=jnp.ones(rows),
    )
    return jnp.asarray(x, jnp.float32), batch


def trained(weight: float) -> tuple[Probed, Probed, float]:
    """What a fresh probe sees before and after, and accuracy where no label was."""
    where = setting(weight=weight, hidden=32, learning_rate=3e-3, steps=3)
    rate = optax.linear_schedule(1e-2, 0.0, STEPS)
    optimizer, params = optax.adam(rate, b1=0.5), small_params(where.task)
    state = adversarial.init(where, KEY)
    x, batch = planted(0, ROWS)

    def step(carried: Any, key: Any) -> tuple[Any, None]:
        params, opt_state, state = carried
        _, (grads, _), state = adversarial.gradients(
            where, state, params, x, batch, key
        )
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state, state), None

    @jax.jit
    def run(params: Any, state: Any, other: Any, held: Batch) -> Any:
        carried = params, optimizer.init(params), state
        keys = jax.random.split(KEY, STEPS)
        after = jax.lax.scan(step, carried, keys)[0][0]
        arch = where.space.largest()
        return tuple(where.network.full(p, other, held, arch) for p in (params, after))

    held_x, held = planted(1, 2 * ROWS)
    before, after = run(params, state, held_x, held)
    is_new = np.asarray(held.language) != 0
    right = np.asarray(after.logits).argmax(-1) == np.asarray(held.label)
    told = (probed(said.vector, held) for said in (before, after))
    return *told, float(right[is_new].mean())


def probed(vectors: Any, batch: Batch) -> Probed:
    by_language = {
        str(code): {
            str(n): np.asarray(vectors[row])
            for n, row in enumerate(np.flatnonzero(np.asarray(batch.language) == code))
        }
        for code in LANGUAGES
    }
    found = probe(by_language)
    x = np.asarray(vectors)
    x = (x - x.mean(0)) / x.std(0)
    half = np.arange(len(x)) < len(x) // 2
    language = np.asarray(batch.language)
    theirs = LogisticRegression(max_iter=1000).fit(x[half], language[half])
    # Another division of the same vectors, by another's code.
    assert abs(theirs.score(x[~half], language[~half]) - found.accuracy) < 0.15
    return found


def test_a_fresh_probe_falls_to_chance_and_the_task_is_kept() -> None:
    plain, ours = (trained(weight) for weight in (0.0, 1.0))
    assert plain[0] == ours[0]
    assert plain[0].accuracy > 0.9 and plain[1].accuracy > 0.9
    assert ours[1].accuracy < 0.55 and ours[1].chance == pytest.approx(1 / 3)
    assert ours[2] >= plain[2] - 0.02 and ours[2] > 0.9
