"""What is counted is what was asked, in a text that Prometheus reads."""

import asyncio
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.serve.models import SMALL, client_of, sentences
from xlnas_jax.serve.serving import Serving


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and labels' values, in the order of the labels' names."""
    return {
        (one.name, tuple(v for _, v in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def measured(serving: Serving, requests: list[dict[str, Any]]) -> Any:
    """What stands at `/metrics` once these were answered, one after another."""

    async def run() -> Any:
        async with client_of(serving) as client:
            for content in requests:
                await client.post("/predict", json=content)
            await client.get("/nowhere/else")
            found = await client.get("/metrics")
        assert found.headers["content-type"].startswith("text/plain; version=")
        return samples(found.text)

    return asyncio.run(run())


def test_requests_texts_batches_and_errors_are_counted(serving) -> None:
    texts = sentences(6, least=1)
    found = measured(
        serving,
        [
            {"model": "tagging", "texts": texts},
            {"model": "tagging", "texts": texts[:2]},
            {"model": "tagging", "texts": 5},
            {"model": "no such"},
        ],
    )
    assert found["xlnas_requests_total", ("200", "tagging", "/predict")] == 2
    assert found["xlnas_requests_total", ("400", "none", "/predict")] == 1
    assert found["xlnas_requests_total", ("404", "none", "/predict")] == 1
    assert found["xlnas_requests_total", ("404", "none", "other")] == 1
    assert found["xlnas_request_seconds_count", ("/predict",)] == 4
    assert found["xlnas_texts_total", ("tagging",)] == 8
    assert found["xlnas_texts_total", ("qa",)] == 0
    assert found["xlnas_batch_rows_sum", ("tagging",)] == 8
    most = found["xlnas_batch_rows_bucket", (f"{SMALL.batch_size:.1f}", "tagging")]
    assert most == found["xlnas_batch_rows_count", ("tagging",)] >= 3
    assert found["xlnas_batch_seconds_sum", ("tagging",)] > 0
    assert found["xlnas_queue_texts", ("tagging",)] == 0
    assert found["xlnas_waiting_rows", ("tagging",)] == 0
    assert found["xlnas_ready", ("tagging",)] == 1
