"""What is known of the distribution of labels is said, and nothing of targets."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.data.examples import LoadReport
from xlnas_jax.data.form import Form
from xlnas_jax.experiment.inspection import Inspected, known_priors, remarks
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.priors import most_apart, shares_of


def config(**train: object) -> Config:
    base = tiny_config()
    own = {"method": "adversarial", **train}
    return dataclasses.replace(
        base,
        train=dataclasses.replace(base.train, **own),
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
    )


def told(given: Config) -> list[str]:
    """Of a train split of every language; the source's is of 3 to 1, others' even."""
    experiment = prepare(given)
    (part,) = experiment.parts
    first, second, *_ = part.source.labels
    found = [
        Inspected(
            code,
            "train",
            Form(LoadReport(), {first: 30 if code == "en" else 20, second: num}),
        )
        for code, num in zip(part.roles.all, (10, 20, 20, 20, 20, 20), strict=True)
    ]
    (line,) = known_priors(experiment, part, found) or ("",)
    assert not line or line in remarks(experiment, {part.name: tuple(found)})
    return line.replace(first, "A").replace(second, "B").split("; ")


def test_log_shares_of_languages_with_labels_are_told_before_training() -> None:
    source, auxiliary = told(config())
    assert source.endswith("en A -0.29, B -1.39")
    assert auxiliary.startswith("fr A -0.69, B -0.69.")
    assert "differ by up to 0.25" in auxiliary
    assert not any(f"{code} A" in auxiliary for code in ("pt", "it", "es", "ca"))


@pytest.mark.parametrize(
    ("train", "is_told"),
    [
        ({"method": "sandwich"}, False),
        ({"method": "sandwich", "warm_up_method": "adversarial"}, True),
    ],
)
def test_they_are_told_where_languages_are_made_alike(train, is_told: bool) -> None:
    assert ("log share" in told(config(**train))[0]) == is_told


def test_how_far_apart_shares_are_is_the_total_variation() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (3, 4))
    shares = {
        str(n): shares_of(dict(zip("abcd", own.tolist(), strict=True)))
        for n, own in enumerate(counts)
    }
    every = counts / counts.sum(1, keepdims=True)
    far = max(np.maximum(a - b, 0).sum() for a in every for b in every)
    assert most_apart(shares) == pytest.approx(far)
    assert shares_of({"a": 0, "b": 0}) == {} and most_apart({}) == 0.0
