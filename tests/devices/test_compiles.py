"""The counter hears every compilation while it is open, and nothing else."""

import jax
import jax.numpy as jnp

from xlnas_jax.devices.compiles import CompileCounter


def test_a_first_call_is_counted_and_a_cached_one_is_not():
    square = jax.jit(lambda x: x * x)
    x = jnp.ones(3)
    with CompileCounter() as compiles:
        square(x).block_until_ready()
        compiles.mark("first")
        square(x).block_until_ready()
        compiles.mark("second")
    assert compiles.phases == {"first": 1, "second": 0}
    assert compiles.seconds > 0


def test_a_new_shape_is_a_new_program_of_the_phase_it_falls_in():
    double = jax.jit(lambda x: x + x)
    three, four = jnp.ones(3), jnp.ones(4)
    with CompileCounter() as compiles:
        double(three).block_until_ready()
        compiles.mark("one")
        double(four).block_until_ready()
        compiles.mark("two")
    summary = compiles.summary()
    assert summary["programs"] == 2
    assert summary["programs_by_phase"] == {"one": 1, "two": 1}


def test_nothing_is_heard_once_it_is_closed():
    x = jnp.ones(3)
    with CompileCounter() as compiles:
        pass
    jax.jit(lambda x: x - 1.0)(x).block_until_ready()
    assert compiles.programs == 0
