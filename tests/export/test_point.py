"""A point of the front is picked by its name, its rank or its id."""

import pytest

from xlnas_jax.export.point import pick_point
from xlnas_jax.types import ConfigError


def point(identifier: str, error: float, flops: int, params: int) -> dict:
    objectives = {"error": error, "flops": flops}
    return {"id": identifier, "objectives": objectives, "costs": {"params": params}}


FRONT = {
    "objectives": ["error", "flops"],
    "points": [
        point("large", 0.10, 1000, 900),
        point("middle", 0.20, 200, 300),
        point("light", 0.50, 100, 400),
    ],
}


@pytest.mark.parametrize(
    ("choice", "identifier"),
    [
        ("best", "large"),
        ("knee", "middle"),
        # Fewest parameters, which need not be fewest operations.
        ("smallest", "middle"),
        ("light", "light"),
    ],
)
def test_a_choice_names_its_point(choice, identifier):
    assert pick_point(FRONT, choice)["id"] == identifier


def test_the_knee_does_not_depend_on_the_units_of_an_objective():
    points = [
        {
            **p,
            "objectives": {**p["objectives"], "flops": p["objectives"]["flops"] * 1e9},
        }
        for p in FRONT["points"]
    ]
    assert pick_point({**FRONT, "points": points}, "knee")["id"] == "middle"


@pytest.mark.parametrize("choice", ["best", "knee", "smallest"])
def test_a_front_of_one_point_has_only_that(choice):
    front = {**FRONT, "points": FRONT["points"][1:2]}
    assert pick_point(front, choice)["id"] == "middle"


def test_an_unknown_id_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"got 'huge'.*'large', 'middle', 'light'"):
        pick_point(FRONT, "huge")
