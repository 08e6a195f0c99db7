"""Texts unlike those of a model's run are noticed, by no label at all."""

import asyncio
import math

import pytest

from tests.serve.models import SMALL, client_of, network, sentences
from tests.serve.test_metrics import samples
from xlnas_jax.export.monitored import (
    QUANTITIES,
    count,
    observe_all,
    stability_index,
)
from xlnas_jax.serve.drift import LEAST, Drift
from xlnas_jax.serve.model import Served
from xlnas_jax.serve.serving import Serving

OURS = sentences(300, seed=1, least=4)
OTHERS = ["город"] * 150


def reference():
    subnet = network("classification")
    asked = subnet.ask(OURS)
    found = asked.answers(subnet.run(asked, SMALL.batch_size))
    return count(observe_all(OURS, asked, found, subnet.tokenizer.unk_id))


def shown(served: Served, texts: list[str]) -> dict:
    """Metrics after these texts."""
    serving = Serving([served], SMALL)

    async def run() -> dict:
        async with client_of(serving) as client:
            for start in range(0, len(texts), SMALL.max_texts):
                part = texts[start : start + SMALL.max_texts]
                found = await client.post("/predict", json={"texts": part})
                assert found.status_code == 200
            return samples((await client.get("/metrics")).text)

    return asyncio.run(run())


def test_texts_of_the_run_are_near_and_others_far_in_what_they_are() -> None:
    served = Served("x", network("classification"), SMALL, reference())
    served.batcher.start()
    served.batcher.ready.result(timeout=120)
    near = shown(served, sentences(300, seed=2, least=4))
    assert near["xlnas_observed_total", ("LATIN", "x", "script")] == 300
    index = {name: near["xlnas_drift_psi", ("x", name)] for name in QUANTITIES}
    assert max(index.values()) < 0.1
    # Once the window has them alone.
    served.drift = Drift(reference())
    far = shown(served, OTHERS)
    served.close()
    assert far["xlnas_observed_total", ("CYRILLIC", "x", "script")] == 150
    for name in ("tokens", "unknown", "script"):
        assert far["xlnas_drift_psi", ("x", name)] > 0.25


def test_an_older_model_is_served_without_such_metrics(serving) -> None:
    async def run() -> str:
        async with client_of(serving) as client:
            await client.post("/predict", json={"model": "qa", "texts": []})
            return (await client.get("/metrics")).text

    text = asyncio.run(run())
    assert not any(name.startswith("xlnas_drift_psi") for name, _ in samples(text))
    assert serving.model("qa").drift is None


def test_of_few_texts_nothing_is_said_and_old_ones_are_let_go() -> None:
    known = count([{"script": ["LATIN"]}] * 50)
    drift = Drift(known, window=LEAST)
    drift.note([{"script": ["CJK"]}] * (LEAST - 1))
    assert math.isnan(drift.index("script"))
    drift.note([{"script": ["CJK"]}])
    far = stability_index({"LATIN": 50}, {"CJK": LEAST})
    assert drift.index("script") == pytest.approx(far)
    drift.note([{"script": ["LATIN"], "label": ["unknown to the reference"]}] * LEAST)
    assert drift.texts == LEAST
    assert drift.index("script") == pytest.approx(0.0)
