"""Two passes with other dropout: the loss of the paper's own code, by PyTorch."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.training.doubles import (
    SPACE,
    assert_gradients_of_torch,
    embed_small,
    of_torch,
    small_params,
    small_setting,
    uneven_batch,
)
from xlnas_jax.training.methods import finetune, rdrop
from xlnas_jax.training.methods.base import Network, label_loss
from xlnas_jax.types import Said

DROPOUT = 0.4
BATCH = dataclasses.replace(
    uneven_batch(), labelled=jnp.asarray([1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
)


def run(alpha: float) -> tuple[Any, list[Any], Any, Any]:
    """Loss and gradients, the keys of the passes, and the setting and weights."""
    setting = small_setting(dropout=DROPOUT, rdrop_alpha=alpha)
    full = setting.network.full

    @jax.jit
    def spy(params: Any) -> tuple[Any, list[Any]]:
        keys = []

        def spied(params: Any, x: Any, batch: Any, arch: Any, key: Any = None) -> Said:
            keys.append(key)
            return full(params, x, batch, arch, key)

        spying = setting._replace(network=setting.network._replace(full=spied))
        x = embed_small(params.encoder.embeddings, BATCH)
        found = rdrop.gradients(spying, (), params, x, BATCH, jax.random.key(0))
        return found, keys

    params = small_params(setting.task)
    return *spy(params), setting, params


def test_the_loss_is_that_of_the_papers_code() -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    (loss, grads, _), keys, _, params = run(alpha=3.0)
    theirs = of_torch(params, BATCH)
    shape = (*BATCH.tokens.shape, theirs.kernel.shape[1])
    noise = [
        torch.tensor(np.array(jax.random.bernoulli(key, 1.0 - DROPOUT, shape)))
        for key in keys
    ]
    one, other = (theirs.logits(kept=kept) for kept in noise)
    assert len(keys) == 2
    assert (noise[0] != noise[1]).any()

    def apart(a: Any, b: Any) -> Any:
        rows = functional.kl_div(
            functional.log_softmax(a, -1), functional.softmax(b, -1), reduction="none"
        )
        return theirs.mean(rows.sum(-1))

    labels = 0.5 * (theirs.loss(one) + theirs.loss(other))
    expected = labels + 3.0 * (apart(one, other) + apart(other, one)) / 2
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    assert expected.item() > labels.item() + 0.01
    assert_gradients_of_torch(grads, theirs, expected)


def test_without_a_weight_it_is_the_mean_of_two_losses() -> None:
    (loss, _, _), keys, setting, params = run(alpha=0.0)

    @jax.jit
    def loss_under(params: Any, key: Any) -> Any:
        x = embed_small(params.encoder.embeddings, BATCH)
        said = setting.network.full(params, x, BATCH, SPACE.largest(), key)
        return label_loss(setting, said.logits, BATCH)

    losses = [loss_under(params, key) for key in keys]
    assert float(loss) == pytest.approx(sum(map(float, losses)) / 2, rel=1e-6)
    assert abs(float(losses[0] - losses[1])) > 1e-3


def test_a_network_without_dropout_is_fine_tuned() -> None:
    setting = small_setting()
    setting = setting._replace(network=Network(setting.network.full))
    params = small_params(setting.task)
    x = embed_small(params.encoder.embeddings, BATCH)
    given = setting, (), params, x, BATCH, jax.random.key(0)
    jax.tree.map(
        np.testing.assert_array_equal,
        rdrop.gradients(*given),
        finetune.gradients(*given),
    )
