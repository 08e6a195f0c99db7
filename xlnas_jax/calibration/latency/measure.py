"""Times networks in the form that is exported, each at its own size.

Compilation is not timed. Networks take turns, so that a machine that slows down slows
all of them down; within a turn the first call is not timed, since the others' weights
have taken the place of its own in the caches, as they will not in use. Every call is
waited for. The median of 30 is what counts.
"""

import functools
import math
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.calibration.latency.networks import Rows, share_weights
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SupernetParams

WARM_UPS, REPEATS = 10, 30
# Timed calls of a turn.
BURST = 3


def measure_latency(
    params: SupernetParams,
    space: SearchSpace,
    shape: EncoderShape,
    rows: Rows,
    batch_size: int,
    length: int,
    repeats: int = REPEATS,
) -> Float[np.ndarray, " network"]:
    """Median milliseconds of a batch of `batch_size` inputs of `length` tokens."""
    calls = make_calls(params, space, shape, rows, batch_size, length)
    return time_calls(calls, repeats)


def make_calls(
    params: SupernetParams,
    space: SearchSpace,
    shape: EncoderShape,
    rows: Rows,
    batch_size: int,
    length: int,
) -> list[Callable[[], Array]]:
    """Forward passes of networks, each compiled at its first call."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, shape.vocab_size, (batch_size, length))
    tokens = jnp.asarray(tokens, jnp.int32)
    arrays = tokens, jnp.zeros_like(tokens), jnp.full(batch_size, length, jnp.int32)
    # Not the one that predictions share: its programs go when these are measured.
    program = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    weights = share_weights(params, space, shape, rows)
    poolings = [str(space.values(row)["pooling"][0]) for row in rows]
    return [
        functools.partial(program, own, shape, pooling, *arrays)
        for own, pooling in zip(weights, poolings, strict=True)
    ]


def time_calls(
    calls: Sequence[Callable[[], Array]], repeats: int = REPEATS
) -> Float[np.ndarray, " call"]:
    """Median milliseconds of each, timed in turns whose order rotates."""
    for call in calls:
        for _ in range(WARM_UPS):
            jax.block_until_ready(call())
    seconds = np.zeros((len(calls), math.ceil(repeats / BURST), BURST))
    for turn in range(seconds.shape[1]):
        for place in range(len(calls)):
            one = (place + turn) % len(calls)
            jax.block_until_ready(calls[one]())
            for repeat in range(BURST):
                begun = time.perf_counter()
                jax.block_until_ready(calls[one]())
                seconds[one, turn, repeat] = time.perf_counter() - begun
    return 1e3 * np.median(seconds, axis=(1, 2))
