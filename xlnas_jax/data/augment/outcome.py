"""What a way of augmenting makes of some rows."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from xlnas_jax.data.examples import AnyExamples


class Outcome(NamedTuple):
    """Rows that were made of others.

    Attributes:
        places: which of the given rows each is made of, in order.
        changes: of each, the fields of an example that are new, by name.
        counts: of rows and words, by what became of them; "dropped" ones are not made.
    """

    places: Sequence[int]
    changes: Sequence[dict[str, Any]]
    counts: Counter[str]


# Every row is by itself: what is made of it does not depend on those beside it.
Way = Callable[[AnyExamples], Outcome]
