"""The search space: ordered choices per knob, and the architectures they span."""

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from xlnas_jax.types import Architecture, ArchitectureError

Choice = int | str


@dataclass(frozen=True)
class Knob:
    """One thing that may vary, with its choices from small to large.

    Attributes:
        choices: values of the knob; architectures hold indices into them.
        sites: how many places it is chosen at: the number of layers, or 1.
        needs_layer: the choice has no effect in a layer that is skipped.
        is_ordered: the last choice is the most capable one.
    """

    name: str
    choices: tuple[Choice, ...]
    sites: int
    needs_layer: bool = False
    is_ordered: bool = True

    def __post_init__(self) -> None:
        if not self.choices:
            raise ArchitectureError(
                f"space.{self.name}: needs at least one choice; got none."
            )
        if len(set(self.choices)) != len(self.choices):
            raise ArchitectureError(
                f"space.{self.name}: choices must differ; got {list(self.choices)}."
            )


@dataclass(frozen=True)
class SearchSpace:
    """Static and hashable; every architecture of it is data.

    Attributes:
        knobs: in a fixed order; `keep` (choices 0 and 1, one site per layer) is
            always among them.
        min_layers: architectures that keep fewer layers are not valid.
    """

    knobs: tuple[Knob, ...]
    min_layers: int = 1

    def __post_init__(self) -> None:
        num_layers = self.knob("keep").sites
        if not 1 <= self.min_layers <= num_layers:
            raise ArchitectureError(
                f"space.min_layers: must lie in 1..{num_layers}; got {self.min_layers}."
            )

    def knob(self, name: str) -> Knob:
        """The knob of that name."""
        return next(knob for knob in self.knobs if knob.name == name)

    @functools.cached_property
    def num_choices(self) -> tuple[int, ...]:
        """Number of choices at each site, all knobs in order."""
        return tuple(len(k.choices) for k in self.knobs for _ in range(k.sites))

    @functools.cached_property
    def size(self) -> int:
        """How many different networks the space holds: skipped layers count once."""
        keep = self.knob("keep")
        per_layer = math.prod(len(k.choices) for k in self.knobs if k.needs_layer)
        free = math.prod(
            len(k.choices) ** k.sites
            for k in self.knobs
            if not k.needs_layer and k.name != "keep"
        )
        depths = range(self.min_layers, keep.sites + 1)
        if len(keep.choices) == 1:
            depths = range(keep.sites, keep.sites + 1)
        return free * sum(math.comb(keep.sites, d) * per_layer**d for d in depths)

    def flatten(self, archs: Architecture) -> Int[Array, "*pop site"]:
        """Choice indices of all knobs, side by side."""
        return jnp.concatenate([archs[knob.name] for knob in self.knobs], axis=-1)

    def unflatten(self, indices: Int[Array, "*pop site"]) -> Architecture:
        """Inverse of `flatten`."""
        ends = np.cumsum([knob.sites for knob in self.knobs])[:-1].tolist()
        parts = jnp.split(jnp.asarray(indices, jnp.int32), ends, axis=-1)
        names = (knob.name for knob in self.knobs)
        return Architecture(choices=dict(zip(names, parts, strict=True)))

    def sample(self, key: Key[Array, ""], num: int) -> Architecture:
        """Draws every index uniformly; too shallow ones are not sorted out."""
        sizes = jnp.asarray(self.num_choices, jnp.int32)
        ends = jnp.broadcast_to(sizes, (num, sizes.size))
        return self.unflatten(jax.random.randint(key, ends.shape, 0, ends))

    def sample_valid(self, key: Key[Array, ""], num: int) -> Architecture:
        """Like `sample`, with random further layers where too few are kept."""
        sample_key, rank_key = jax.random.split(key)
        archs = self.sample(sample_key, num)
        keep = self.knob("keep")
        if len(keep.choices) == 1:
            return archs
        score = jax.random.uniform(rank_key, (num, keep.sites))
        rank = jnp.argsort(jnp.argsort(-score, axis=-1), axis=-1)
        is_forced = (rank < self.min_layers).astype(jnp.int32)
        kept = jnp.maximum(archs["keep"], is_forced)
        is_short = archs["keep"].sum(-1, keepdims=True) < self.min_layers
        choices = {**archs.choices, "keep": jnp.where(is_short, kept, archs["keep"])}
        return Architecture(choices=choices)

    def largest(self) -> Architecture:
        """The full network: the last choice everywhere."""
        return self.unflatten(jnp.asarray(self.num_choices, jnp.int32) - 1)

    def smallest(self) -> Architecture:
        """The first choice everywhere, the first `min_layers` layers kept."""
        arch = self.unflatten(jnp.zeros(len(self.num_choices), jnp.int32))
        keep = self.knob("keep")
        if len(keep.choices) == 1:
            return arch
        kept = (jnp.arange(keep.sites) < self.min_layers).astype(jnp.int32)
        return Architecture(choices={**arch.choices, "keep": kept})

    def num_kept(self, indices: Int[np.ndarray, "pop site"]) -> Int[np.ndarray, " pop"]:
        """Number of layers kept by each of the flattened architectures."""
        keep = self.knob("keep")
        values = np.asarray(keep.choices)
        return values[indices[:, self.columns("keep")]].sum(-1)

    def columns(self, name: str) -> slice:
        """Columns of a knob in the flattened form."""
        start = 0
        for knob in self.knobs:
            if knob.name == name:
                return slice(start, start + knob.sites)
            start += knob.sites
        raise KeyError(name)

    def canonical(
        self, indices: Int[np.ndarray, "pop site"]
    ) -> Int[np.ndarray, "pop site"]:
        """One form per network: choices inside a skipped layer become 0."""
        indices = np.array(indices)
        kept = np.asarray(self.knob("keep").choices)[indices[:, self.columns("keep")]]
        for knob in self.knobs:
            if knob.needs_layer:
                indices[:, self.columns(knob.name)] *= kept
        return indices

    def identifier(self, indices: Int[np.ndarray, " site"]) -> str:
        """A short name of one network, the same in every run of the same space."""
        row = self.canonical(np.asarray(indices)[None])[0]
        text = repr((self.knobs, row.tolist()))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def values(self, indices: Int[np.ndarray, " site"]) -> dict[str, list[Choice]]:
        """The values one flattened architecture stands for, by knob."""
        indices = np.asarray(indices)
        return {
            knob.name: [knob.choices[i] for i in indices[self.columns(knob.name)]]
            for knob in self.knobs
        }

    def from_values(
        self, values: Mapping[str, Sequence[Choice]]
    ) -> Int[np.ndarray, " site"]:
        """Inverse of `values`; raises `ArchitectureError` for what is not a choice."""
        row: list[int] = []
        for knob in self.knobs:
            given = list(values.get(knob.name, ()))
            if len(given) != knob.sites:
                raise ArchitectureError(
                    f"{knob.name}: needs {knob.sites} values; got {len(given)}."
                )
            for value in given:
                if value not in knob.choices:
                    raise ArchitectureError(
                        f"{knob.name}: {value!r} is not a choice of this space. "
                        f"Use one of {list(knob.choices)}."
                    )
                row.append(knob.choices.index(value))
        return np.asarray(row, np.int32)
