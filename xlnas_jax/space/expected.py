"""Expected costs of the architectures that a factorised policy draws, differentiably.

Every cost is a sum over kept layers and a fixed part (`CostModel.parts`), and sites
are drawn independently: the expectation is the sum of the expectations, exactly.
Memory holds beside the parameters the activations of the layer with the most; the
distribution function of the largest of independent numbers is the product of theirs,
so that its expectation is exact too. Latency is that of its table, which is only as
true as the table is.
"""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.space.cost import FLOAT_BYTES, CostModel
from xlnas_jax.space.disk import BYTES_PER_MB, DISK
from xlnas_jax.space.latency import LATENCY
from xlnas_jax.space.space import SearchSpace

Probabilities = Float[Array, "site choice"]
# Probability that a layer is kept with each combination of its stages' options.
Kept = Float[Array, "layer option"]
# Probability of each combination of the whole network's choices.
Drawn = Float[Array, " whole"]
MEMORY = "memory_bytes"


def make_expected_costs(
    costs: CostModel, limits: Mapping[str, float]
) -> Callable[[Probabilities], Float[Array, " limit"]]:
    """Builds `probabilities -> expected cost / limit`, for each limit in order.

    Rows of the probabilities are padded to the most choices; what a site lacks is not
    looked at.
    """
    space = costs.space
    ratios = [_make_ratio(costs, name, limit) for name, limit in limits.items()]

    def expected(policy: Probabilities) -> Float[Array, " limit"]:
        drawn = _drawn(space, policy)
        if not ratios:
            return jnp.zeros(0, jnp.float32)
        return jnp.stack([ratio(*drawn) for ratio in ratios])

    return expected


def _drawn(space: SearchSpace, policy: Probabilities) -> tuple[Kept, Drawn]:
    """Probabilities of what each layer may be, and of the whole network's choices."""

    def of_knob(name: str) -> Float[Array, "own _"]:
        return policy[space.columns(name), : len(space.knob(name).choices)]

    gate = jnp.asarray(space.gate.choices, jnp.float32)
    kept = (of_knob(space.gate.name) @ gate)[:, None]
    for stage in space.stages:
        for name in stage.knobs:
            kept = (kept[:, :, None] * of_knob(name)[:, None]).reshape(len(kept), -1)
    drawn = jnp.ones(len(space.whole_rows), jnp.float32)
    for whole, chosen in zip(space.wholes, space.whole_rows.T, strict=True):
        drawn = drawn * of_knob(whole.name)[0, chosen]
    return kept, drawn


def _make_ratio(
    costs: CostModel, name: str, limit: float
) -> Callable[[Kept, Drawn], Float[Array, ""]]:
    """One expected cost over its limit."""
    parts = costs.parts()
    none = np.zeros(len(costs.space.whole_rows))
    layer, fixed = parts.layer["params"], none
    if name == LATENCY:
        assert costs.latency is not None, "latency must be measured before it is asked"
        limit = costs.latency.budget(limit)
        layer, fixed = parts.layer["latency_ns"], parts.fixed["latency_ns"]
    elif name == DISK:
        limit = limit * BYTES_PER_MB
        layer, fixed = parts.layer["disk_bytes"], parts.fixed["disk_bytes"]
    elif name == MEMORY:
        layer, fixed = FLOAT_BYTES * layer, parts.fixed[MEMORY]
    elif name != "encoder_params":
        layer, fixed = parts.layer[name], parts.fixed[name]
    # Divided before float32 could round what is divided.
    of_layer = jnp.asarray(layer.reshape(-1) / limit, jnp.float32)
    of_rest = jnp.asarray(fixed / limit, jnp.float32)
    largest = _make_largest(parts.layer["peak_bytes"].reshape(-1) / limit)

    def ratio(kept: Kept, drawn: Drawn) -> Float[Array, ""]:
        total = jnp.einsum("lo,o->", kept, of_layer) + drawn @ of_rest
        return total + largest(kept) if name == MEMORY else total

    return ratio


def _make_largest(
    values: Float[np.ndarray, " option"],
) -> Callable[[Kept], Float[Array, ""]]:
    """Expectation of the largest value of a kept layer; 0 where none is kept."""
    steps = np.unique(np.append(values, 0.0))
    above = jnp.asarray(values[None] > steps[:-1, None], jnp.float32)
    gaps = jnp.asarray(np.diff(steps), jnp.float32)

    def largest(kept: Kept) -> Float[Array, ""]:
        # For each step, the probability that no layer is above it.
        distribution = (1 - jnp.einsum("lo,so->ls", kept, above)).prod(0)
        return (1 - distribution) @ gaps

    return largest
