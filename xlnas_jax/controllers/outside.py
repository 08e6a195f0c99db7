"""Any optimiser that is asked and told, in the place of a search strategy.

To attach another one, for instance Vizier, write a class with the two methods of
`Optimiser` and hand `make_outside` a function that makes one from a seed:

    class Vizier:
        def observe(self, rows, objectives): ...  # add completed trials
        def suggest(self, num): ...               # `num` rows of choice indices

    make_outside(lambda seed: Vizier(space, seed), setting)

Outside optimisers keep what they know in objects, which no checkpoint can hold. So
the state is what they were told, in arrays; each time something is asked, a new one is
seeded from the round's key, told everything, and asked. A search that was killed then
goes on with the same bits.

They know neither limits nor that asking twice is a waste. A suggestion above a limit is
moved to the nearest network within all of them, and one that was scored before gives
way to a mutant of it. What they are told is what was scored in the end.
"""

from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.controllers.base import Controller, Setting, Told, no_summary
from xlnas_jax.controllers.variation import (
    History,
    init_history,
    is_within,
    make_sites,
    mutants,
    remember,
    rising,
)
from xlnas_jax.space.decode import make_repair
from xlnas_jax.types import ArchitectureError


class Optimiser(Protocol):
    """Minimises several objectives over rows of choice indices."""

    def observe(
        self,
        rows: Int[np.ndarray, "known site"],
        objectives: Float[np.ndarray, "known obj"],
    ) -> None:
        """Learns what points scored, in the order that they were told."""
        ...

    def suggest(self, num: int) -> Int[np.ndarray, "num site"]:
        """The next points to score; may repeat itself."""
        ...


@struct.dataclass
class OutsideState:
    """All that the optimiser was told; as it was asked, not in canonical form."""

    history: History


def make_outside(build: Callable[[int], Optimiser], setting: Setting) -> Controller:
    """The strategy of an optimiser.

    Args:
        build: makes a new optimiser from a seed.
    """
    ends = np.asarray(setting.space.num_choices)
    make_new = _make_new(setting)

    def init(key: Key[Array, ""]) -> OutsideState:
        del key  # every optimiser starts with nothing
        capacity = setting.num_rounds * setting.population
        return OutsideState(
            init_history(capacity, len(ends), 1 + len(setting.cost_scale))
        )

    def ask(
        state: OutsideState, key: Key[Array, ""], num: int
    ) -> Int[Array, "num site"]:
        history = state.history
        count, capacity = int(history.num), len(history.rows)
        # Oldest first, also where the oldest were overwritten.
        slots = np.arange(max(count - capacity, 0), count) % capacity
        optimiser = build(int(jax.random.bits(key)))
        objectives = np.asarray(history.objectives, np.float64)
        known = np.asarray(history.rows)[slots]
        optimiser.observe(known, objectives[slots])
        rows = np.asarray(optimiser.suggest(num))
        if rows.shape != (num, len(ends)) or not ((rows >= 0) & (rows < ends)).all():
            raise ArchitectureError(
                f"controller: an optimiser must suggest {num} rows of choice indices "
                f"below {ends.tolist()}; got an array of shape {rows.shape}. Mend "
                f"its method `suggest`."
            )
        return jnp.asarray(make_new(key, rows.astype(np.int32), known), jnp.int32)

    @jax.jit
    def tell(state: OutsideState, told: Told) -> OutsideState:
        return OutsideState(remember(state.history, told))

    return Controller(
        init,
        ask,
        tell,
        no_summary,
        is_compiled=False,
        wants_distinct=True,
        learns_from_any=True,
    )


def _make_new(setting: Setting) -> Callable[..., Int[np.ndarray, "num site"]]:
    """Builds `(key, rows, known) -> rows` within the limits, and new where they can be.

    Near what is known mutants are tried first, then ones that differ in more.
    """
    space, sites = setting.space, make_sites(setting.space)
    repair = make_repair(setting.costs, setting.constraints)

    @jax.jit
    def vary(
        key: Key[Array, ""], rows: Int[Array, "num site"]
    ) -> Int[Array, "num try site"]:
        return mutants(sites, key, rows, rising(jnp.zeros(())))

    def make_new(
        key: Key[Array, ""],
        rows: Int[np.ndarray, "num site"],
        known: Int[np.ndarray, "known site"],
    ) -> Int[np.ndarray, "num site"]:
        fits = is_within(setting, rows)
        pairs = zip(rows, fits, strict=True)
        rows = np.stack([row if fit else repair(row) for row, fit in pairs])
        varied = np.asarray(vary(key, rows.astype(np.int32)))
        tries = np.concatenate([rows[:, None], varied], axis=1)
        flat = tries.reshape(-1, rows.shape[1])
        fits = is_within(setting, flat).reshape(tries.shape[:2])
        names = [row.tobytes() for row in space.canonical(flat)]
        taken = {row.tobytes() for row in space.canonical(known)}
        for number, fit in enumerate(fits):
            own = names[number * len(fit) : (number + 1) * len(fit)]
            new = (i for i, name in enumerate(own) if fit[i] and name not in taken)
            chosen = next(new, 0)
            rows[number] = tries[number, chosen]
            taken.add(own[chosen])
        return rows

    return make_new
