"""Parts of a batch, one after another, teach what the whole batch does."""

import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from tests.training.doubles import (
    TASKS,
    embed_small,
    small_params,
    small_setting,
    uneven_batch,
)
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.devices.sharding import make_mesh, replicate, split_rows
from xlnas_jax.training.gradients import batch_gradients
from xlnas_jax.training.methods.base import Setting
from xlnas_jax.training.methods.registry import METHODS
from xlnas_jax.types import Batch, Said

PARTS = 3
TOLERANCE = 1e-6  # sums of a few float32 numbers of size one, in another order


def compiled(name: str, setting: Setting, batch: Batch, inner: int = 12) -> Any:
    """A call for the loss and all gradients, and what it is to be given."""
    leaves, tree = jax.tree.flatten((small_params(setting.task, inner), batch))

    def call(leaves: list[Any]) -> Any:
        params, batch = jax.tree.unflatten(tree, leaves)
        key = jax.random.key(0)
        found = batch_gradients(
            METHODS[name], setting, embed_small, (), params, batch, key
        )
        return found[:2]

    return jax.jit(call).lower(leaves).compile(), leaves


def found(name: str, setting: Setting, batch: Batch) -> Any:
    call, given = compiled(name, setting, batch)
    return call(given)


def heard(batch: Batch) -> Batch:
    """The batch with text without labels, and what a teacher says of all rows."""
    rng, rows = np.random.default_rng(3), len(batch.weight)
    said = Said(
        jnp.asarray(rng.normal(size=(rows, 5)), jnp.float32),
        jnp.asarray(rng.normal(size=(rows, 12)), jnp.float32),
    )
    labelled = jnp.asarray([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    return dataclasses.replace(batch, said=said, labelled=labelled)


CASES = [("finetune", kind) for kind in TASKS]
CASES += [(name, "classification") for name in ("sandwich", "distill", "rdrop")]
CASES += [("fgm", "tagging"), ("pgd", "classification")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_parts_teach_what_the_whole_batch_does(name: str, kind: str) -> None:
    options = {"kd_vector": 2.0, "kd_labels": 0.5, "num_random": 1, "batch_size": 6}
    batch = uneven_batch(kind)
    if kind == "classification":
        batch = heard(batch)
    whole = found(name, small_setting(kind, **options), batch)
    parts = found(name, small_setting(kind, **options, accumulate=PARTS), batch)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=TOLERANCE, rtol=1e-5),
        parts,
        whole,
    )
    # The parts are such that a mean of their own means would be another.
    alone = [
        found(
            name,
            small_setting(kind, **options),
            jax.tree.map(lambda leaf, n=n: leaf[n::PARTS], batch),
        )
        for n in range(PARTS)
    ]
    mean = jax.tree.map(lambda *leaves: sum(leaves) / PARTS, *alone)
    kernels = [one[1].encoder.layers["kernel"] for one in (mean, whole)]
    assert np.abs(kernels[0] - kernels[1]).max() > 100 * TOLERANCE


def test_every_part_has_dropout_of_its_own() -> None:
    first = jax.tree.map(lambda leaf: leaf[:1], uneven_batch())
    twins = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), first)
    setting = small_setting(dropout=0.5, batch_size=2, accumulate=2)
    seen = []

    def full(params: Any, x: Any, batch: Batch, arch: Any, key: Any = None) -> Said:
        seen.append(1)
        kept = jax.random.bernoulli(key, 0.5, x.shape).astype(x.dtype)
        return Said((x * kept).sum(1) @ params.head["output"][: x.shape[-1]])

    setting = setting._replace(network=setting.network._replace(full=full))
    params = small_params(setting.task)

    def of_tokens(x: Any) -> Any:
        """Gradients of tokens, each a row of a table of its own."""
        tables: Any = {"word": x}
        own = dataclasses.replace(
            params, encoder=dataclasses.replace(params.encoder, embeddings=tables)
        )
        return batch_gradients(
            METHODS["finetune"],
            setting,
            lambda tables, batch: tables["word"],
            (),
            own,
            twins,
            jax.random.key(0),
        )[1].encoder.embeddings["word"]

    one, other = jax.jit(of_tokens)(embed_small(params.encoder.embeddings, twins))
    assert seen
    assert np.abs(one).max() > 0
    assert ((np.asarray(one) == 0) != (np.asarray(other) == 0)).any()


def test_the_memory_is_that_of_a_part() -> None:
    batch = uneven_batch(rows=32)
    bytes_of = [
        compiled("finetune", small_setting(accumulate=count), batch, inner=2048)[0]
        .memory_analysis()
        .temp_size_in_bytes
        for count in (1, 8)
    ]
    assert bytes_of[1] < bytes_of[0] / 2


def test_devices_keep_their_rows_of_every_part() -> None:
    mesh = make_mesh(DevicesConfig(pop=2))
    setting = small_setting(batch_size=8, accumulate=2)
    batch, params = uneven_batch(rows=8), small_params(setting.task)
    key, method = jax.random.key(0), METHODS["finetune"]
    leaves, tree = jax.tree.flatten(batch)

    def call(leaves: list[Any]) -> Any:
        own = split_rows(mesh, jax.tree.unflatten(tree, leaves))
        return batch_gradients(method, setting, embed_small, (), params, own, key)[:2]

    whole = NamedSharding(mesh, PartitionSpec())
    program = jax.jit(call, out_shardings=whole).lower(replicate(mesh, leaves))
    program = program.compile()
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=TOLERANCE, rtol=1e-5),
        program(replicate(mesh, leaves)),
        found("finetune", small_setting(), batch),
    )
    text = program.as_text()
    assert "all-reduce" in text
    assert not {"all-gather", "all-to-all", "collective-permute"} & set(
        re.findall(r"[a-z]+(?:-[a-z]+)+", text)
    )
