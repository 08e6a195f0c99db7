"""A model that was exported before stages had files of their own still loads."""

import json
from pathlib import Path

import numpy as np

import xlnas_jax

# Written by commit 40c708d; see `expected.json` for what it gave then.
FOLDER = Path(__file__).parent / "before_stages"


def test_it_loads_and_gives_what_it_gave() -> None:
    expected = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    model = xlnas_jax.load(FOLDER / "model")
    assert list(model.sizes) == expected["sizes"]
    found = model.logits(expected["texts"])
    np.testing.assert_allclose(found, expected["logits"], atol=1e-5)
