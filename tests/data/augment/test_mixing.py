"""Exact numbers of rows, whatever is made of them."""

import dataclasses
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xlnas_jax.data.augment.mixing import Entry, apportion, mix
from xlnas_jax.data.augment.outcome import Outcome
from xlnas_jax.data.examples import Examples

SHARES = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4).map(
    lambda given: [one / max(1.0, sum(given)) for one in given]
)


def rows(num: int) -> Examples:
    ids = tuple(f"id{n}" for n in range(num))
    labels = np.arange(num, dtype=np.int32) % 3
    return Examples("en", "train", ids, tuple(f"text {n}" for n in range(num)), labels)


def marks(mark: str, refuses: int = 0):
    """A way that puts a mark before each text; none of one row in so many."""

    def way(given: Examples) -> Outcome:
        keep = [
            n
            for n, name in enumerate(given.ids)
            if not refuses or int(name[2:]) % refuses
        ]
        changes = [{"texts": f"{mark} {given.texts[n]}"} for n in keep]
        gone = Counter({"dropped: refused": len(given) - len(keep)})
        return Outcome(keep, changes, +gone)

    return way


@given(st.integers(0, 500), SHARES)
def test_numbers_are_those_of_the_shares_to_less_than_one_row(total, shares) -> None:
    found = apportion(total, shares)
    assert sum(found) <= total
    for count, share in zip(found, shares, strict=True):
        assert abs(count - total * share) < 1 + 1e-6
    if sum(shares) > 1 - 1e-12:
        assert sum(found) == total
    exact = [share * total for share in shares]
    if all(float(one).is_integer() for one in exact):
        assert found == exact


def test_decimal_fractions_are_taken_for_what_they_are_meant() -> None:
    assert apportion(10, [0.1, 0.2, 0.7]) == [1, 2, 7]
    assert apportion(1000, [0.001] * 7) == [1] * 7


@settings(max_examples=30)
@given(st.integers(1, 60), st.floats(0.1, 0.6), st.integers(0, 9))
def test_rows_are_added_and_replaced_with_their_labels(num, share, seed) -> None:
    given_rows = rows(num)
    entries = [
        Entry("new", marks("+"), share, replaces=False),
        Entry("other", marks("-"), 0.4, replaces=True),
    ]
    found, counts = mix(given_rows, entries, seed)
    added, replaced = apportion(num, [share, 0.4])
    assert len(found) == num + added
    assert counts[0]["rows added"] == added
    assert counts[1]["rows replaced"] == replaced
    assert found.ids[:num] == given_rows.ids  # in their places, translations find them
    assert len(set(found.ids)) == len(found)
    first = found.texts[:num]
    assert sum(text.startswith("-") for text in first) == replaced
    assert all(text.startswith("+") for text in found.texts[num:])
    # No row serves twice, and each has the label of the row it is made of.
    bases = [int(text.split()[-1]) for text in found.texts]
    assert Counter(bases[num:]).most_common(1)[0][1] == 1 if added else True
    assert all(found.texts[n].startswith("text") for n in bases[num:])
    assert (found.labels == np.asarray(bases) % 3).all()
    again, _ = mix(given_rows, entries, seed)
    assert again.texts == found.texts


def test_rows_that_nothing_is_made_of_are_made_up_for() -> None:
    entry = Entry("new", marks("+", refuses=2), 0.5, replaces=False)
    found, (counts,) = mix(rows(100), [entry], 0)
    assert counts["rows added"] == 50 and len(found) == 150
    assert counts["rows tried"] == 50 + counts["dropped: refused"]
    # Where too few are left, there are fewer, and that is told.
    entry = Entry("new", marks("+", refuses=2), 1.0, replaces=False)
    found, (counts,) = mix(rows(100), [entry], 0)
    assert (counts["rows asked for"], counts["rows added"]) == (100, 50)
    assert len(found) == 150


def test_another_seed_chooses_other_rows() -> None:
    entries = [Entry("other", marks("-"), 0.3, replaces=True)]
    one, other = (mix(rows(50), entries, seed)[0].texts for seed in (0, 1))
    assert one != other


def test_ids_of_added_rows_are_new_ones() -> None:
    clash = dataclasses.replace(rows(2), ids=("id0", "id0+new"))
    entry = Entry(
        "new",
        lambda given: Outcome(
            range(len(given)), [{"texts": "x"}] * len(given), Counter()
        ),
        1.0,
        replaces=False,
    )
    found, _ = mix(clash, [entry], 0)
    assert found.ids == ("id0", "id0+new", "id0+new+", "id0+new+new")
