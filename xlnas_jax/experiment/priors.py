"""How labels are distributed, language by language, where languages are made alike.

Vectors that do not tell their language have the same labels in every language, so some
are wrong where labels are distributed otherwise. What is known of it is said before
anything is trained: of the languages whose labels are learnt from, and of no other.

References:
    Zhao et al., "On learning invariant representations for domain adaptation", 2019.
    https://arxiv.org/abs/1901.09453
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from xlnas_jax.config.config import Config
from xlnas_jax.data.form import Form
from xlnas_jax.experiment.parts import TaskPart

METHOD = "adversarial"
# Of more labels, those that are the most frequent in the source are listed.
_LISTED = 8

Shares = Mapping[str, float]


def makes_alike(config: Config) -> bool:
    """Whether languages are made alike, in the warm-up or after it."""
    train = config.train
    return train.method == METHOD or (
        train.pretune_steps > 0 and train.warm_up_method == METHOD
    )


def shares_of(counts: Mapping[str, int]) -> dict[str, float]:
    """The share of every label; of no rows at all, nothing."""
    total = sum(counts.values())
    return {label: count / total for label, count in counts.items()} if total else {}


def most_apart(languages: Mapping[str, Shares]) -> float:
    """Of any two languages, the most that the share of some labels differs by.

    Half the sum of absolute differences, the total variation.
    """
    return max(
        (
            sum(abs(one[label] - other.get(label, 0.0)) for label in one) / 2.0
            for one, other in combinations(languages.values(), 2)
        ),
        default=0.0,
    )


def priors(part: TaskPart, trained: Sequence[tuple[str, Form]]) -> Iterator[str]:
    """One line on a task, if it has labels.

    Args:
        trained: languages and the form of their training splits.
    """
    roles = part.roles
    known = {
        part.codes[code]: shares_of(form.labels)
        for code, form in trained
        if code in (roles.source, *roles.aux_train)
    }
    known = {code: shares for code, shares in known.items() if shares}
    if not known:
        return
    first = next(iter(known.values()))
    listed = sorted(first, key=lambda label: -first[label])[:_LISTED]
    told = "; ".join(
        f"{code} {', '.join(f'{label} {_log(own[label])}' for label in listed)}"
        for code, own in known.items()
    )
    apart = (
        f" Between two languages shares differ by up to {most_apart(known):.2f}."
        if len(known) > 1
        else ""
    )
    yield (
        f"log share of labels in training, by language: {told}.{apart} Where they are "
        f"others in a target, train.method {METHOD} may cost accuracy"
    )


def _log(share: float) -> str:
    return f"{math.log(share):.2f}" if share else "none"
