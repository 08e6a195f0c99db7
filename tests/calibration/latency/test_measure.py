"""Calls take turns, are waited for, and their medians are what counts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, tiny_params, tiny_space
from xlnas_jax.calibration.latency import measure
from xlnas_jax.calibration.latency.measure import (
    make_calls,
    measure_latency,
    time_calls,
)
from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.export.apply import apply_subnet_jit
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.supernet.chain import make_space

SPACE = tiny_space()


class Machine:
    """A clock, and calls that take as long as they are told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.called: list[str] = []

    def perf_counter(self) -> float:
        return self.now

    def make(self, name: str, seconds: list[float]):
        left = iter(seconds)

        def call() -> jax.Array:
            self.called.append(name)
            self.now += next(left)
            return jnp.zeros(())

        return call


def test_the_median_of_timed_calls_counts(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(measure, "time", machine)
    warm_up = [9.0] * measure.WARM_UPS
    # A turn: one call that is not timed, then three.
    one = machine.make("a", [*warm_up, 9.0, 1.0, 2.0, 100.0, 9.0, 3.0, 3.0, 4.0])
    other = machine.make("b", [*warm_up, *[0.5] * 8])
    found = time_calls([one, other], repeats=6)
    np.testing.assert_allclose(found, [3000.0, 500.0])


def test_networks_take_turns_in_an_order_that_rotates(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(measure, "time", machine)
    calls = [machine.make(name, [1.0] * 100) for name in "ab"]
    time_calls(calls, repeats=6)
    turns = machine.called[2 * measure.WARM_UPS :]
    assert "".join(turns) == "aaaabbbb" + "bbbbaaaa"


def test_at_least_thirty_calls_are_timed():
    assert measure.REPEATS >= 30
    assert measure.WARM_UPS >= 10


def test_what_is_timed_is_the_exported_network():
    params, rows = tiny_params(), draw_networks(SPACE, 3)[1:]
    calls = make_calls(params, SPACE, SHAPE, rows, 3, 16)
    for row, call in zip(rows, calls, strict=True):
        tokens, segments, length = call.args[-3:]
        assert tokens.shape == (3, 16)
        np.testing.assert_array_equal(length, [16, 16, 16])
        own = slice_subnet(params, SPACE, row)
        pooling = str(SPACE.values(row)["pooling"][0])
        expected = apply_subnet_jit(own, SHAPE, pooling, tokens, segments, length)
        np.testing.assert_array_equal(call(), expected)


def test_a_real_measurement_is_a_positive_time_for_each():
    rows = draw_networks(SPACE, 2)
    found = measure_latency(tiny_params(), SPACE, SHAPE, rows, 2, 8, repeats=3)
    assert found.shape == (2,)
    assert (found > 0).all()


@pytest.mark.slow
def test_larger_networks_take_longer():
    wide = {"width": 256, "num_heads": 8, "head_dim": 32, "ffn": 1024}
    shape = dataclasses.replace(SHAPE, **wide)
    space = make_space(SpaceConfig(heads=(1, 8), ffn=(64, 1024)), shape)
    rows = draw_networks(space, 2)
    smallest, full = measure_latency(tiny_params(shape), space, shape, rows, 16, 16)
    assert smallest < full
