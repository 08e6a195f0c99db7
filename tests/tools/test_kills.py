"""What is deterministic in a run is compared whole, and kills are shared out."""

import random

from tools.kills import differences, moment, shares


def test_every_kill_is_dealt_to_a_run():
    assert shares(50) == [5] * 10
    assert shares(7) == [5, 2]
    assert shares(0) == []


def test_what_is_missing_or_other_is_a_difference():
    one = {"front.json": b"a", "round 0": b"b", "round 1": b"c"}
    assert differences(one, dict(one)) == []
    assert differences(one, {"front.json": b"x", "round 0": b"b"}) == [
        "front.json",
        "round 1",
    ]


def test_moments_are_the_same_for_a_seed_and_lie_within_the_run():
    drawn = [moment(10.0, random.Random(3)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    many = [moment(10.0, random.Random(seed)) for seed in range(50)]
    assert min(many) < 2.0 < 8.0 < max(many) <= 10.0
