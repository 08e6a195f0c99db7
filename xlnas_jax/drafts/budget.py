"""How large a network may be, as a user says it, and as a limit of a search."""

import re
from typing import Literal, NamedTuple

from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.space.disk import DISK
from xlnas_jax.types import ConfigError, brief

Cost = Literal["encoder_params", "flops", "disk_mb"]
_FORM = re.compile(
    r"(?:(?P<cost>params|flops):)?(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>%|MB|mb)?"
)
_COSTS: dict[str, Cost] = {"params": "encoder_params", "flops": "flops"}


class Budget(NamedTuple):
    """A share of the full encoder's parameters or FLOPs, or megabytes on disk."""

    cost: Cost
    amount: float

    def said(self) -> str:
        """The budget in words."""
        if self.cost == DISK:
            return f"{self.amount:g} MB on disk, in 8 bits for ONNX Runtime"
        what = "parameters" if self.cost == "encoder_params" else "FLOPs"
        return f"{self.amount:.1%} of the full encoder's {what}"


def parse_budget(text: str) -> Budget:
    """What a user says: `0.25`, `25%`, `flops:0.25`, `25MB`.

    Raises:
        ConfigError: it says something else.
    """
    found = _FORM.fullmatch(text.strip())
    unit = (found["unit"] or "").upper() if found else ""
    amount = float(found["number"]) / (100 if unit == "%" else 1) if found else 0.0
    if found is None or not amount or (unit == "MB" and found["cost"]):
        raise _no_budget(text)
    if unit == "MB":
        return Budget("disk_mb", amount)
    if not 0 < amount <= 1:
        raise _no_budget(text)
    return Budget(_COSTS[found["cost"] or "params"], amount)


def _no_budget(text: str) -> ConfigError:
    return ConfigError(
        f"--budget: must be a share of the encoder's parameters such as 0.25 or 25%, "
        f"of its work as flops:0.25, or megabytes as 25MB; got {brief(text)}."
    )


def limit_of(budget: Budget, experiment: Experiment) -> float:
    """The limit that a budget is.

    Raises:
        ConfigError: no network of the space is within it.
    """
    space = experiment.space
    full = experiment.costs(space.largest_row[None])
    smallest = experiment.costs.smallest()[budget.cost]
    whole = float(full[budget.cost][0])
    limit = budget.amount if budget.cost == DISK else budget.amount * whole
    if limit < smallest:
        least = smallest if budget.cost == DISK else smallest / whole
        unit = " MB" if budget.cost == DISK else f" of the encoder's {budget.cost}"
        raise ConfigError(
            f"--budget: some network must be within it; got {budget.said()}. The "
            f"smallest there is takes {least:.3g}{unit}: ask for more, or begin with "
            f"another model."
        )
    return float(f"{limit:.4g}") if budget.cost == DISK else float(int(limit))


def with_cost(budget: Budget) -> ConstraintsConfig:
    """Limits by which the cost is counted at all, before it is known."""
    return ConstraintsConfig(disk_mb=1e6 if budget.cost == DISK else None)
