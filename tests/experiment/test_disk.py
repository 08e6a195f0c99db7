"""Megabytes on the disk are a limit and an objective like any other cost."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.cost import ConstraintsConfig, CostConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.space.disk import DISK
from xlnas_jax.types import ArchitectureError, ConfigError


def limited(disk_mb: float, **changes: object):
    limits = ConstraintsConfig(disk_mb=disk_mb)
    return prepare(tiny_config(constraints=limits, **changes))


def test_a_limit_is_kept_by_what_is_drawn() -> None:
    loose = limited(10.0)
    space = loose.space
    least = loose.costs.smallest()[DISK]
    full = np.asarray(space.flatten(space.largest()))[None]
    most = loose.costs(full)[DISK][0]
    # The tokenizer alone is more than nothing, and the layers are more than it.
    assert 0 < len(loose.parts[0].tokenizer.to_text().encode()) / 1e6 < least < most
    between = limited((least + most) / 2)
    rows = draw_feasible(between, 20, "control")
    assert (between.costs(rows)[DISK] <= (least + most) / 2).all()
    others = draw_feasible(loose, 20, "control")
    assert (loose.costs(others)[DISK] > (least + most) / 2).any()


def test_eight_bits_are_fewer() -> None:
    by_form = {
        form: limited(10.0, cost=CostConfig(length=16, disk_form=form)).costs
        for form in ("onnx", "onnx-int8")
    }
    costs = by_form["onnx"].smallest(), by_form["onnx-int8"].smallest()
    assert costs[0][DISK] > costs[1][DISK]
    assert costs[0]["params"] == costs[1]["params"]


def test_weights_of_16_bits_are_half_as_many_bytes() -> None:
    cost = CostConfig(length=16, disk_form="flax")
    whole = limited(10.0, cost=cost, language_heads=True)
    half = whole.with_dtype("bf16")
    assert whole.costs.disk is not None and half.costs.disk is not None
    found, least = (one.costs.smallest() for one in (whole, half))
    saved = 1e6 * (found[DISK] - least[DISK])
    assert saved == pytest.approx(2 * found["params"])
    asked = limited(10.0, cost=cost, export=ExportConfig(dtype="bf16"))
    assert asked.costs.disk == half.costs.disk
    # Of the forms of other libraries the dtype is not ours to choose.
    other = limited(10.0)
    assert other.with_dtype("bf16").costs.smallest() == other.costs.smallest()


def test_what_nothing_can_meet_is_refused_with_the_least() -> None:
    least = limited(10.0).costs.smallest()[DISK]
    with pytest.raises(ArchitectureError, match=rf"disk_mb: .*{least:.3f}"):
        limited(least / 2)


def test_it_is_counted_only_where_it_is_asked_for() -> None:
    plain = tiny_config()
    assert DISK not in prepare(plain).costs.smallest()
    search = dataclasses.replace(plain.search, objectives=("error", "disk_mb"))
    asked = prepare(dataclasses.replace(plain, search=search))
    assert DISK in asked.costs.smallest()


def test_output_layers_of_languages_have_no_such_form() -> None:
    with pytest.raises(ConfigError, match="language_heads: must be off where disk_mb"):
        limited(10.0, language_heads=True)
