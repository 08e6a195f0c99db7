"""What finalists may be configured to be."""

import pytest

from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.reading.file import parse_config
from xlnas_jax.types import ConfigError


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"budgets": ()}, "budgets: shares must fall"),
        ({"budgets": (0.25, 0.5)}, "budgets: shares must fall"),
        ({"budgets": (0.5, 0.5)}, "budgets: shares must fall"),
        ({"budgets": (1.5,)}, "budgets: must be at most 1"),
        ({"budgets": (0.5, 0.0)}, "budgets: must be above 0"),
        ({"steps_exponent": 1.5}, r"steps_exponent: must lie in \[0, 1\]"),
        ({"steps": 0}, "steps: must be at least 1"),
        ({"score_every": 0}, "score_every: must be at least 1"),
        ({"patience": -1}, "patience: must be at least 0"),
        ({"min_delta": -0.1}, "min_delta: must be at least 0"),
        ({"learning_rate": 0.0}, "learning_rate: must be above 0"),
        ({"controls": ("uniform", "uniform")}, "controls: entries must differ"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        FinalistsConfig(**changes)


def test_steps_grow_by_the_power_that_is_asked_down_to_the_smallest_budget() -> None:
    plain = FinalistsConfig(steps=40)
    assert [plain.steps_of(share) for share in (1.0, 0.5, 0.1, 0.0)] == [40] * 4
    grown = FinalistsConfig(steps=40, steps_exponent=0.5, budgets=(0.5, 0.25))
    assert [grown.steps_of(share) for share in (1.0, 0.5, 0.25)] == [40, 57, 80]
    assert [grown.steps_of(share) for share in (0.2, 0.0)] == [80, 80]


def test_controls_may_be_left_out() -> None:
    assert FinalistsConfig(controls=()).controls == ()


def test_an_unknown_control_is_named_with_the_nearest() -> None:
    given = {
        "model": {"kind": "scratch"},
        "languages": {"source": "en", "aux_heldout": ["fr"], "target": ["de"]},
        "data": {"kind": "cldr"},
        "finalists": {"controls": ["magnitud"]},
    }
    with pytest.raises(ConfigError, match=r"finalists.controls.*Did you mean 'magni"):
        parse_config(given)
