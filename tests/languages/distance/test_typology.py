"""Distances by recorded features are those of the package they come from."""

import numpy as np
import pytest

from xlnas_jax.languages.distance.genealogy import tree_distance
from xlnas_jax.languages.distance.typology import (
    Kind,
    described,
    distance,
    families_of,
    observed,
)
from xlnas_jax.languages.distance.uriel import features, iso_of
from xlnas_jax.types import ConfigError

KINDS: tuple[Kind, ...] = (
    "syntactic",
    "phonological",
    "inventory",
    "genetic",
    "geographic",
    "script",
    "featural",
)
# What the package rounds to.
ROUNDED = 0.5001e-4


@pytest.fixture(scope="module")
def theirs():
    urielplus = pytest.importorskip("urielplus.urielplus")
    return urielplus.URIELPlus()


def random_pairs(num: int, seed: int) -> list[tuple[str, str]]:
    """Of languages of which more than a place on the map is known."""
    typology = features("typology")
    known = np.isfinite(typology.values).sum(1) > 0
    codes = sorted(code for code, row in typology.place.items() if known[row])
    drawn = np.random.default_rng(seed).choice(len(codes), (num, 2))
    return [(codes[a], codes[b]) for a, b in drawn]


def compare(theirs, kind: Kind, ours: str, other: str) -> None:
    own = observed(kind, ours), observed(kind, other)
    found = distance(kind, ours, other)
    shared = None
    if own[0] is not None and own[1] is not None:
        shared = (np.isfinite(own[0]) & np.isfinite(own[1])).mean()
    if not shared:
        with pytest.raises(ValueError, match="No shared"):
            theirs.new_distance(kind, ours, other)
        return
    assert found.value == pytest.approx(
        theirs.new_distance(kind, ours, other), abs=ROUNDED
    )
    assert found.confidence == pytest.approx(shared)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_those_of_urielplus(theirs, kind: Kind) -> None:
    for pair in [("eng", "fra"), ("eng", "dan"), ("frr", "yor"), *random_pairs(6, 0)]:
        compare(theirs, kind, *pair)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_random_pairs_are_those_of_urielplus(theirs, kind: Kind) -> None:
    for pair in random_pairs(100, 1):
        compare(theirs, kind, *pair)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_symmetric_and_nothing_for_the_language_itself(kind: Kind) -> None:
    there, back = distance(kind, "deu", "tur"), distance(kind, "tur", "deu")
    assert there == pytest.approx(back)
    assert distance(kind, "deu", "deu").value == 0.0


def test_relatives_stand_in_where_nothing_is_recorded() -> None:
    assert observed("syntactic", "frr") is None
    found = described("syntactic", "frr")
    assert found is not None and 0.5 < found.nearness < 1.0
    own = distance("syntactic", "deu", "nld")
    through = distance("syntactic", "frr", "nld")
    assert np.isfinite(through.value) and through.confidence < own.confidence
    # The nearest relatives of North Frisian are nearer to Dutch than Yoruba is.
    assert through.value < distance("syntactic", "yor", "nld").value


def test_nothing_is_known_of_what_has_no_relatives_and_no_features() -> None:
    assert distance("syntactic", "xyz", "eng").confidence == 0.0
    assert np.isnan(distance("geographic", "xyz", "eng").value)


def test_families_go_from_the_largest_to_the_smallest() -> None:
    found = families_of("eng")
    assert found[:3] == ("F_Indo-European", "F_Germanic", "F_Northwest Germanic")
    assert families_of("eus") == families_of("xyz") == ()


def test_the_tree_tells_relatives_apart() -> None:
    order = [tree_distance("eng", code).value for code in ("eng", "deu", "hin", "yor")]
    assert order == sorted(order) and len(set(order)) == 4
    assert order[0] == 0.0 and order[-1] == 1.0
    # Wu & Palmer by hand: six Dravidian ancestors, of which some are shared.
    ours, other = families_of("tam"), families_of("mal")
    shared = len(set(ours) & set(other))
    by_hand = 1 - 2 * shared / (len(ours) + len(other) + 2)
    assert tree_distance("tam", "mal").value == pytest.approx(by_hand)


def test_a_language_without_relatives_is_far_from_all() -> None:
    assert tree_distance("eus", "spa") == (1.0, 1.0)
    assert tree_distance("eus", "eus") == (0.0, 1.0)
    assert tree_distance("xyz", "spa").confidence == 0.0


@pytest.mark.parametrize(
    ("code", "iso"),
    [
        ("en", "eng"),
        ("quy", "quy"),
        ("zh-Hant", "zho"),
        ("tl", "tgl"),
        ("arb_Arab", "ara"),
        ("et", "est"),
        ("x-near", None),
        ("en-x-near", None),
    ],
)
def test_a_code_is_found_under_which_most_is_known(code: str, iso: str | None) -> None:
    assert iso_of(code) == iso


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown"):
        iso_of("xx")
