"""Networks of a space run in either form, and outputs that must be the same."""

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Batch

# fp32 sums in another order; the logits are of order ten.
TOLERANCE = 1e-5


def logits_by(
    form: str,
    space: SearchSpace,
    shape: EncoderShape,
    params: SupernetParams,
    batch: Batch,
    rows,
    **options,
) -> np.ndarray:
    """Logits of every architecture, one compiled program for all of them."""
    supernet = make_supernet(space, shape, form, **options)

    @jax.jit
    def run(rows):
        x = supernet.embed(params.encoder.embeddings, batch)

        def one(row):
            return supernet.apply(params, x, batch, space.unflatten(row))

        return jax.lax.map(one, rows) if form == "sliced" else jax.vmap(one)(rows)

    return np.asarray(run(jnp.asarray(rows)))


def assert_near(found, expected) -> None:
    """The same but for rounding, relative to the largest output."""
    difference = np.abs(np.asarray(found) - np.asarray(expected)).max()
    assert difference < TOLERANCE * np.abs(np.asarray(expected)).max()
