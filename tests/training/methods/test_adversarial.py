"""FGM and PGD against the same attacks written in PyTorch."""

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
from tests.training.methods.test_perturbation import norms
from xlnas_jax.config.methods.adversarial import AdversarialConfig
from xlnas_jax.training.methods.base import Setting, from_labels
from xlnas_jax.training.methods.fgm import one_step
from xlnas_jax.training.methods.pgd import several_steps
from xlnas_jax.training.methods.registry import METHODS

EPSILON = 0.7
LABELLED = np.asarray([1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
BATCH = dataclasses.replace(uneven_batch(), labelled=jnp.asarray(LABELLED, jnp.float32))
# The last row fills up the batch.
COUNTS = (LABELLED > 0) & (np.arange(6) < 5)
KEY = jax.random.key(0)


def setting_of(step_size: float = 0.3, steps: int = 3) -> Setting:
    return small_setting(adversarial=AdversarialConfig(EPSILON, step_size, steps))


def begun(setting: Setting) -> tuple[Any, Any]:
    params = small_params(setting.task)
    return params, embed_small(params.encoder.embeddings, BATCH)


def attacked(attack: Any, setting: Setting) -> Any:
    """What is added to each row."""
    params, x = begun(setting)
    given = setting, params, x, BATCH, SPACE.largest()
    _, _, (_, x_grad) = from_labels(*given, KEY)
    return jax.jit(lambda: attack(*given, KEY, x_grad))()


def learnt(name: str, setting: Setting) -> Any:
    params, x = begun(setting)
    return jax.jit(
        lambda p, x: METHODS[name].gradients(setting, (), p, x, BATCH, KEY)[:2]
    )(params, x)


def torch_attack(theirs: Any, step_size: float, steps: int) -> Any:
    """Steps up the loss of each row; the length of each is clipped."""
    import torch

    added = torch.zeros_like(theirs.x)
    for _ in range(steps):
        own = added.clone().requires_grad_(True)
        theirs.loss(theirs.logits(own.add(0.0))).backward(inputs=[own])
        size = own.grad.flatten(1).norm(dim=1).clamp_min(1e-30)
        added = added + step_size * own.grad / size[:, None, None]
        size = added.flatten(1).norm(dim=1).clamp_min(1e-30)
        added = added * (EPSILON / size).clamp_max(1.0)[:, None, None]
    return added.detach()


@pytest.mark.parametrize(
    ("name", "step_size", "steps"),
    [("fgm", EPSILON, 1), ("pgd", 0.3, 3), ("pgd", 0.1, 2), ("pgd", 0.5, 6)],
)
def test_the_attack_is_that_of_pytorch(name: str, step_size: float, steps: int):
    pytest.importorskip("torch")
    setting = setting_of(step_size, steps)
    loss, grads = learnt(name, setting)
    theirs = of_torch(begun(setting)[0], BATCH)
    added = torch_attack(theirs, step_size, steps)
    clean = theirs.loss(theirs.logits())
    hurt = theirs.loss(theirs.logits(added))
    assert hurt.item() > clean.item() + 0.01
    assert float(loss) == pytest.approx((clean + hurt).item(), rel=1e-5)
    assert_gradients_of_torch(grads, theirs, clean + hurt)
    attack = one_step if name == "fgm" else several_steps
    np.testing.assert_allclose(attacked(attack, setting), added.numpy(), atol=1e-5)


def test_every_row_is_moved_by_epsilon_itself() -> None:
    found = norms(attacked(one_step, setting_of()))
    np.testing.assert_allclose(found[COUNTS], EPSILON, rtol=1e-6)
    # Of rows without a label there is nothing to attack.
    np.testing.assert_array_equal(found[~COUNTS], 0.0)


def test_steps_never_leave_the_ball_and_end_on_its_edge() -> None:
    short, far = (
        norms(attacked(several_steps, setting_of(*how))) for how in ((0.1, 2), (0.5, 9))
    )
    assert (short[COUNTS] <= 0.2 + 1e-6).all()
    assert (short[COUNTS] > 0.1).all()
    np.testing.assert_allclose(far[COUNTS], EPSILON, rtol=1e-5)


def test_one_step_of_full_size_is_the_fast_attack() -> None:
    setting = setting_of(EPSILON, 1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        learnt("pgd", setting),
        learnt("fgm", setting),
    )
