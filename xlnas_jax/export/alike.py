"""What several exported models must have in common to be used as one."""

from collections.abc import Sequence
from typing import Any

from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import ConfigError, brief


def require_same_task(members: Sequence[Subnet]) -> None:
    """An error unless all say the same kind of thing, in the same words.

    Raises:
        ConfigError: one is of another task, or of other labels.
    """
    _require(
        members,
        "say the same",
        "Leave it out",
        {"task": lambda one: one.task, "labels": lambda one: list(one.labels)},
    )


def require_same_network(members: Sequence[Subnet]) -> None:
    """An error unless all are one architecture, told apart by weights alone.

    Raises:
        ConfigError: one is another network, or reads its texts in another way.
    """
    require_same_task(members)
    _require(
        members,
        "be one architecture",
        "Average probabilities instead (xlnas evaluate MODEL MODEL), or leave it out",
        {
            "encoder": lambda one: one.shape,
            "layers": lambda one: list(one.sizes),
            "pooling": lambda one: one.pooling,
            "output layers of languages": lambda one: list(one.own_heads),
            "windows": lambda one: (one.doc_stride, one.max_answer_tokens),
            "most tokens": lambda one: one.max_length,
            "tokenizer": lambda one: one.tokenizer.to_text(),
        },
    )


def _require(
    members: Sequence[Subnet], must: str, advice: str, facts: dict[str, Any]
) -> None:
    for name, of in facts.items():
        first = of(members[0])
        for number, one in enumerate(members[1:], start=2):
            if of(one) != first:
                raise ConfigError(
                    f"models: all must {must}; got {name} {brief(of(one))} of model "
                    f"{number}, and {brief(first)} of the first. {advice}."
                )
