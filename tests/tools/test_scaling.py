"""What is said of many accelerators follows from its formula and from what is known."""

import dataclasses
import itertools

import pytest

from tools import scaling
from tools.scaling import LARGE, Given, costs_of, measured, search_on

GIVEN, KNOWN = Given(), measured()
FLOPS, PARAMS = costs_of(LARGE, GIVEN.length)


def on(devices: int, given: Given = GIVEN) -> scaling.Search:
    return search_on(devices, FLOPS, PARAMS, given, KNOWN)


def test_the_page_is_what_the_recorded_results_give() -> None:
    text = scaling.PAGE.read_text(encoding="utf-8")
    assert scaling.render(text, GIVEN) == text, "make it again: python tools/scaling.py"
    assert text.count("\n| 512 |") == 2


def test_xlm_r_large_is_counted_as_it_is_published() -> None:
    width, layers, inner, length = 1024, 24, 4096, GIVEN.length
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width
    tables = (250_002 + 514 + 1) * width + 2 * width
    head = width * (width + 1) + 7 * (width + 1)
    assert tables + layers * layer + head == PARAMS
    products = length * (8 * width**2 + 4 * width * inner) + 4 * length**2 * width
    assert pytest.approx(layers * products, rel=0.01) == FLOPS


def test_one_accelerator_takes_its_flops_alone() -> None:
    alone = on(1)
    steps = GIVEN.warm_up + GIVEN.rounds * GIVEN.weight_steps
    work = steps * GIVEN.batch * 3 * FLOPS * KNOWN.sandwich
    assert alone.training == pytest.approx(work / GIVEN.peak / KNOWN.training)
    assert alone.sending == 0
    sentences = GIVEN.rounds * GIVEN.population * GIVEN.sentences
    work = sentences * KNOWN.candidate * FLOPS
    assert alone.scoring == pytest.approx(work / GIVEN.peak / KNOWN.scoring)


def test_more_accelerators_are_never_slower_at_work_nor_better_than_perfect() -> None:
    # One alone is without a network; among several no part grows but what is sent.
    found = [on(devices) for devices in (8, 64, 512)]
    for few, many in itertools.pairwise(found):
        assert many.seconds < few.seconds
        assert many.sending >= few.sending
        assert many.seconds * many.devices > on(1).seconds


def test_rows_are_the_limit_of_training() -> None:
    assert on(1024).training == on(GIVEN.batch).training
    assert on(64).training == pytest.approx(8 * on(512).training)
    assert on(1024).scoring == pytest.approx(on(512).scoring / 2)


def test_a_ring_sends_twice_the_gradients_over_the_network() -> None:
    slow = dataclasses.replace(GIVEN, bandwidth=GIVEN.bandwidth / 10, latency=0.0)
    fast = dataclasses.replace(GIVEN, latency=0.0)
    assert on(8, slow).sending == pytest.approx(10 * on(8, fast).sending)
    steps = GIVEN.warm_up + GIVEN.rounds * GIVEN.weight_steps
    sent = steps * 2 * 7 / 8 * KNOWN.traffic * 4 * PARAMS
    assert on(8, fast).sending == pytest.approx(sent / GIVEN.bandwidth)
    late = dataclasses.replace(GIVEN, latency=1.0, bandwidth=1e30)
    assert on(8, late).sending == pytest.approx(steps * KNOWN.collectives)


def test_what_is_known_is_of_a_share_or_a_count() -> None:
    for share in (KNOWN.training, KNOWN.scoring, KNOWN.candidate):
        assert 0 < share <= 1
    assert 1 < KNOWN.sandwich < 4 and 1 <= KNOWN.traffic <= 4
    assert KNOWN.collectives >= 1 and KNOWN.uneven >= 0
