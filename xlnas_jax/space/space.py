"""The search space: ordered choices per knob, and the architectures they span."""

import functools
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key

from xlnas_jax.space.knob import Choice, Knob
from xlnas_jax.space.stage import Stage, Training, Whole
from xlnas_jax.types import Architecture, ArchitectureError


@dataclass(frozen=True)
class SearchSpace:
    """Static and hashable; every architecture of it is data.

    Attributes:
        knobs: in a fixed order; the first is the gate, which says of each layer
            whether it is kept (choices 0 and 1, or 1 alone).
        min_layers: architectures that keep fewer layers are not valid.
        stages: of each layer, in the order in which they run; each has knobs.
        wholes: what is known of the knobs of the whole network.
        trainings: likewise of those of how a network is trained.
    """

    knobs: tuple[Knob, ...]
    min_layers: int = 1
    stages: tuple[Stage, ...] = ()
    wholes: tuple[Whole, ...] = ()
    trainings: tuple[Training, ...] = ()

    def __post_init__(self) -> None:
        num_layers = self.gate.sites
        if not 0 <= self.min_layers <= num_layers:
            raise ArchitectureError(
                f"space.min_layers: must lie in 0..{num_layers}; got {self.min_layers}."
            )

    def knob(self, name: str) -> Knob:
        """The knob of that name."""
        return next(knob for knob in self.knobs if knob.name == name)

    @property
    def gate(self) -> Knob:
        """The knob that says which layers are kept."""
        return self.knobs[0]

    @property
    def is_elastic(self) -> bool:
        """Whether layers may be skipped."""
        return len(self.gate.choices) > 1

    @functools.cached_property
    def stage_knobs(self) -> tuple[str, ...]:
        """Names of all knobs of a layer's stages, in the order in which they run."""
        return tuple(name for stage in self.stages for name in stage.knobs)

    @functools.cached_property
    def num_choices(self) -> tuple[int, ...]:
        """Number of choices at each site, all knobs in order."""
        return tuple(len(k.choices) for k in self.knobs for _ in range(k.sites))

    @functools.cached_property
    def size(self) -> int:
        """How many different networks the space holds: skipped layers count once."""
        gate = self.gate
        own = self.stage_knobs
        per_layer = math.prod(
            len(k.choices) for k in self.knobs if k.needs_layer and k.name not in own
        )
        per_layer *= math.prod(self._num_different(stage) for stage in self.stages)
        free = math.prod(
            len(k.choices) ** k.sites
            for k in self.knobs[1:]
            if not k.needs_layer and k.name not in own
        )
        depths = range(
            self.min_layers if self.is_elastic else gate.sites, gate.sites + 1
        )
        return free * sum(math.comb(gate.sites, d) * per_layer**d for d in depths)

    def _num_different(self, stage: Stage) -> int:
        """Options of a stage; all that leave it out are one."""
        absent = sum(stage.is_absent(values) for values in self.options(stage))
        return len(self.options(stage)) - max(0, absent - 1)

    def options(self, stage: Stage) -> tuple[dict[str, int], ...]:
        """Every combination of a stage's choices, as values by knob."""
        choices = [self.knob(name).choices for name in stage.knobs]
        return tuple(
            {name: int(v) for name, v in zip(stage.knobs, values, strict=True)}
            for values in itertools.product(*choices)
        )

    def full(self, stage: Stage) -> dict[str, int]:
        """The values of a stage's knobs in the full network."""
        return self.options(stage)[-1]

    def option(self, stage: Stage, choices: Mapping[str, Any]) -> Any:
        """The position in `options` of indices by knob, arrays of any kind."""
        first, *others = stage.knobs
        found = choices[first]
        for name in others:
            found = found * len(self.knob(name).choices) + choices[name]
        return found

    def options_of(
        self, stage: Stage, indices: Int[np.ndarray, "pop site"]
    ) -> Int[np.ndarray, "pop layer"]:
        """The option of a stage in each layer of flattened architectures."""
        indices = np.asarray(indices)
        return self.option(
            stage, {name: indices[:, self.columns(name)] for name in stage.knobs}
        )

    def whole_of(self, indices: Int[np.ndarray, "pop site"]) -> Int[np.ndarray, " pop"]:
        """The combination of choices of the whole network's knobs, as a number."""
        found = np.zeros(len(indices), np.int64)
        for whole in self.wholes:
            column = self.columns(whole.name).start
            count = len(self.knob(whole.name).choices)
            found = found * count + np.asarray(indices)[:, column]
        return found

    @functools.cached_property
    def whole_rows(self) -> Int[np.ndarray, "whole knob"]:
        """Choices of the whole network's knobs, for each combination in order."""
        counts = [len(self.knob(whole.name).choices) for whole in self.wholes]
        rows = list(itertools.product(*map(range, counts)))
        return np.asarray(rows, np.int32).reshape(len(rows), len(counts))

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
        return _sample(self, key, num)

    def sample_valid(self, key: Key[Array, ""], num: int) -> Architecture:
        """Like `sample`, with random further layers where too few are kept."""
        return _sample_valid(self, key, num)

    @property
    def largest_row(self) -> Int[np.ndarray, " site"]:
        """`largest`, flattened on the host, where nothing is compiled for it."""
        return np.asarray(self.num_choices, np.int32) - 1

    def largest(self) -> Architecture:
        """The full network: the last choice everywhere."""
        return self._architecture(self.largest_row)

    def smallest(self) -> Architecture:
        """The first choice everywhere, the first `min_layers` layers kept."""
        indices = np.zeros(len(self.num_choices), np.int32)
        if self.is_elastic:
            start = self.columns(self.gate.name).start
            indices[start : start + self.min_layers] = 1
        return self._architecture(indices)

    def _architecture(self, indices: Int[np.ndarray, " site"]) -> Architecture:
        """Like `unflatten`, cut on the host, where nothing is compiled for it."""
        parts = {
            knob.name: jnp.asarray(indices[self.columns(knob.name)])
            for knob in self.knobs
        }
        return Architecture(choices=parts)

    def is_kept(
        self, indices: Int[np.ndarray, "pop site"]
    ) -> Bool[np.ndarray, "pop layer"]:
        """Which layers each of the flattened architectures keeps."""
        values = np.asarray(self.gate.choices) != 0
        return values[np.asarray(indices)[:, self.columns(self.gate.name)]]

    def num_kept(self, indices: Int[np.ndarray, "pop site"]) -> Int[np.ndarray, " pop"]:
        """Number of layers kept by each of the flattened architectures."""
        return self.is_kept(indices).sum(-1)

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
        """One form per network: choices without an effect become 0.

        Those inside a skipped layer have none, nor those of a stage that is left out.
        """
        indices = np.array(indices)
        kept = self.is_kept(indices)
        for knob in self.knobs:
            if knob.needs_layer:
                indices[:, self.columns(knob.name)] *= kept
        for stage in self.stages:
            absent = np.asarray([stage.is_absent(v) for v in self.options(stage)])
            if absent.any():
                is_there = ~absent[self.options_of(stage, indices)]
                for name in stage.knobs:
                    indices[:, self.columns(name)] *= is_there
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

    def layers(
        self, indices: Int[np.ndarray, " site"]
    ) -> list[tuple[int, dict[str, int]]]:
        """The kept layers of one flattened architecture: which, and their values."""
        values = self.values(self.canonical(np.asarray(indices)[None])[0])
        names = self.stage_knobs
        kept = np.flatnonzero(self.is_kept(np.asarray(indices)[None])[0]).tolist()
        return [(n, {name: int(values[name][n]) for name in names}) for n in kept]

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


# One program each: their operations one by one would take longer to compile.
@functools.partial(jax.jit, static_argnames=("space", "num"))
def _sample(space: SearchSpace, key: Key[Array, ""], num: int) -> Architecture:
    sizes = jnp.asarray(space.num_choices, jnp.int32)
    ends = jnp.broadcast_to(sizes, (num, sizes.size))
    return space.unflatten(jax.random.randint(key, ends.shape, 0, ends))


@functools.partial(jax.jit, static_argnames=("space", "num"))
def _sample_valid(space: SearchSpace, key: Key[Array, ""], num: int) -> Architecture:
    sample_key, rank_key = jax.random.split(key)
    archs = _sample(space, sample_key, num)
    if not space.is_elastic:
        return archs
    name = space.gate.name
    score = jax.random.uniform(rank_key, (num, space.gate.sites))
    rank = jnp.argsort(jnp.argsort(-score, axis=-1), axis=-1)
    is_forced = (rank < space.min_layers).astype(jnp.int32)
    kept = jnp.maximum(archs[name], is_forced)
    is_short = archs[name].sum(-1, keepdims=True) < space.min_layers
    choices = {**archs.choices, name: jnp.where(is_short, kept, archs[name])}
    return Architecture(choices=choices)
