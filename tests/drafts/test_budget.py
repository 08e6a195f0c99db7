"""Budgets are read as people write them."""

import pytest

from xlnas_jax.drafts.budget import Budget, parse_budget
from xlnas_jax.types import ConfigError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.25", Budget("encoder_params", 0.25)),
        (" .5 ", Budget("encoder_params", 0.5)),
        ("25%", Budget("encoder_params", 0.25)),
        ("params:1", Budget("encoder_params", 1.0)),
        ("flops:0.1", Budget("flops", 0.1)),
        ("flops:12.5%", Budget("flops", 0.125)),
        ("25MB", Budget("disk_mb", 25.0)),
        ("7.5 mb", Budget("disk_mb", 7.5)),
    ],
)
def test_shares_and_megabytes(text, found):
    assert parse_budget(text) == found


@pytest.mark.parametrize(
    "text", ["", "0", "2", "150%", "0MB", "-1", "flops:3MB", "disk:0.5", "nan", "25 GB"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="--budget: must be a share"):
        parse_budget(text)
