"""A deceptive search problem in closed form: a cheap front, a valley, a better front.

Twelve layers have four choices of heads and four of inner width, sized so that every
step of either costs the same. The error of a network goes by the number of steps above
the smallest network, `n` of 72, and a little by how unlike the two are within layers:

    error(n) = 0.60 - 0.15 n / 18                    up to 18: the cheap front
               0.45 + 0.30 (n - 18) / 39             up to 57: it only gets worse
               0.30 - 0.20 (n - 58) / 8              from 58 to 66: the better front
               0.10 + 0.01 (n - 66)                  beyond: larger for nothing

This is a trap function of unitation, made bi-objective: from nearly everywhere the way
down leads to the cheap front. Independent uniform choices have 36 steps on average
with a standard deviation of 5.5, so that one in 20,000 lies beyond the valley.

References:
    Deb & Goldberg, "Analyzing deception in trap functions", 1993.
    https://doi.org/10.1016/B978-0-08-094832-4.50012-X
"""

import functools
from dataclasses import dataclass

import numpy as np

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.objectives.objectives import make_objectives
from xlnas_jax.objectives.signals import Box, knows_nothing, make_box
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import space_of

LAYERS, STEPS = 12, 3
SIZES = LAYERS * 2 * STEPS
CHEAP, EDGE, BEST = 18, 58, 66
UNEVEN = 0.005
# Beyond the best network there is room for a few that are larger for nothing.
MOST = 69
OBJECTIVES = ("error", "flops")


@dataclass(frozen=True)
class Deceptive:
    """The problem, with its limit and what is known of it.

    Attributes:
        limit: the largest networks break it.
    """

    costs: CostModel
    limit: ConstraintsConfig
    box: Box

    def error(self, rows: np.ndarray) -> np.ndarray:
        """Of each flattened architecture."""
        space = self.costs.space
        heads, ffn = rows[:, space.columns("heads")], rows[:, space.columns("ffn")]
        return error_of(steps_of(space, rows), np.abs(heads - ffn).sum(-1))

    @functools.cached_property
    def front(self) -> np.ndarray:
        """Objectives of the true front: the even networks of each side."""
        sizes = np.asarray([*range(CHEAP + 1), *range(EDGE, BEST + 1)])
        errors = error_of(sizes, sizes % 2)
        smaller = np.minimum.accumulate(np.concatenate([[np.inf], errors[:-1]]))
        is_best = errors < smaller
        return np.stack([errors, self.flops(sizes)], -1)[is_best]

    def flops(self, sizes: np.ndarray) -> np.ndarray:
        """Of networks so many steps above the smallest."""
        return self.costs.smallest()["flops"] + sizes * step_flops(self.costs)

    @property
    def optimum(self) -> float:
        """The lowest error there is."""
        return float(self.front[:, 0].min())

    @property
    def cheap_optimum(self) -> float:
        """The lowest error on this side of the valley."""
        return float(error_of(np.asarray([CHEAP]), np.zeros(1))[0])


def steps_of(space: SearchSpace, rows: np.ndarray) -> np.ndarray:
    """How many steps each is above the smallest network."""
    return sum(rows[:, space.columns(name)].sum(-1) for name in ("heads", "ffn"))


def error_of(sizes: np.ndarray, uneven: np.ndarray) -> np.ndarray:
    """The closed form.

    Args:
        uneven: steps by which heads and inner width differ, over all layers.
    """
    pieces = [
        0.60 - 0.15 * sizes / CHEAP,
        0.45 + 0.30 * (sizes - CHEAP) / (EDGE - 1 - CHEAP),
        0.30 - 0.20 * (sizes - EDGE) / (BEST - EDGE),
    ]
    conditions = [sizes <= CHEAP, sizes < EDGE, sizes <= BEST]
    beyond = 0.10 + 0.01 * (sizes - BEST)
    return np.select(conditions, pieces, beyond) + UNEVEN * uneven


def step_flops(costs: CostModel) -> int:
    """What one step costs; the same of heads and of inner width."""
    attention, ffn = costs.stages()
    differences = {*np.diff(attention).tolist(), *np.diff(ffn).tolist()}
    (step,) = differences
    return int(step)


def make_deceptive() -> Deceptive:
    """Space, costs and limit of the problem."""
    width, length, head_dim = 64, 64, 16
    # Of a head: 4 width + 2 length products a dimension; of a neuron: 2 width.
    inner = head_dim * (4 * width + 2 * length) // (2 * width)
    choices = [tuple(size * n for n in range(1, STEPS + 2)) for size in (1, inner)]
    space = space_of(
        (
            Knob("keep", (1,), LAYERS),
            Knob("heads", choices[0], LAYERS, needs_layer=True),
            Knob("ffn", choices[1], LAYERS, needs_layer=True),
            Knob("pooling", ("mean",), 1, is_ordered=False),
        ),
        min_layers=LAYERS,
    )
    shape = EncoderShape(
        vocab_size=100,
        width=width,
        num_layers=LAYERS,
        num_heads=STEPS + 1,
        head_dim=head_dim,
        ffn=choices[1][-1],
        max_positions=length,
        num_segments=1,
        position_offset=0,
        pad_id=0,
        norm_epsilon=1e-12,
    )
    costs = CostModel(space, shape, (HeadSize(2),), length)
    most = costs.smallest()["flops"] + MOST * step_flops(costs)
    limit = ConstraintsConfig(flops=float(most))
    objectives = make_objectives(OBJECTIVES)
    box = make_box(objectives, costs, limit, [knows_nothing(np.log(2.0).item(), 1)])
    return Deceptive(costs, limit, box)
