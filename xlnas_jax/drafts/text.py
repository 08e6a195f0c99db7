"""The text of a drafted configuration: YAML, with a word on every choice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlnas_jax.drafts.roles import Roles


@dataclass(frozen=True)
class Plan:
    """All that a drafted configuration says.

    Attributes:
        header: lines on where it comes from.
        knobs: choices of `space`, by knob.
        limit: the name of the cost that is limited, and how much there may be.
        steps: of the warm-up.
    """

    header: tuple[str, ...]
    roles: Roles
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    prefix: str
    max_length: int
    knobs: Mapping[str, tuple[int, ...]]
    limit: tuple[str, float]
    batch_size: int
    steps: int


def to_yaml(plan: Plan) -> str:
    """The file as it is written."""
    roles, name = plan.roles, plan.limit[0]
    sections = [
        "\n".join(f"# {line}" for line in plan.header),
        f"""seed: 0

languages:
  # Labels that weights learn from.
  source: {_value(roles.source)}
  # Labels that choose among networks, and are learnt from by none.
  aux_heldout: {_value(list(roles.auxiliary))}
  # Read once, at the end. No label of theirs is looked at before.
  target: {_value(list(roles.target))}
  # Their text without labels may be learnt from, too:
  # unlabelled: {_value(list(roles.auxiliary))}""",
        f"data:\n{_lines(plan.data)}",
        f"model:\n{_lines(plan.model)}",
        f"""tokens:
  # Nearly all texts are as short; longer ones are cut.
  max_length: {plan.max_length}
  # What the encoder was trained to see before every text.
  prefix: {_value(plan.prefix)}""",
        f"""# What may vary: which layers are kept, and how much of each.
space:
  min_layers: 1
{_lines({name: list(choices) for name, choices in plan.knobs.items()})}""",
        f"""# What breaks this is never run.
constraints:
  {name}: {_value(plan.limit[1])}""",
        f"""train:
  batch_size: {plan.batch_size}
  # Of the full network alone, before others are cut from it: some three passes.
  pretune_steps: {plan.steps}""",
        """search:
  # More of each finds more, and takes as much longer.
  rounds: 10
  weight_steps: 10
  population: 16
  objectives: [error, flops]
  # What one has without a search is scored first.
  seeds: [uniform, bottom]""",
    ]
    return "\n\n".join(sections) + "\n"


def _lines(values: Mapping[str, Any]) -> str:
    return "\n".join(f"  {name}: {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    """As JSON, which YAML reads: a `no` in quotes is text, and stays so."""
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
