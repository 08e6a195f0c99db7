"""What is beyond a limit is refused, by a paragraph that names limit and value."""

import asyncio
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.serve.models import asked, post, sentences, serving_of
from tests.serve.test_body import sent_back
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.front import make_front
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.metrics import Counts
from xlnas_jax.serve.model import Served
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import ConfigError

TIGHT = Limits(
    batch_size=1, max_texts=3, max_queue=4, max_tokens=30, max_body_bytes=2000
)


@pytest.fixture(scope="module")
def tight() -> Iterator[Serving]:
    with serving_of(["classification"], TIGHT) as found:
        yield found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch_size": 12}, "--batch-size: must be a power of two"),
        ({"max_wait_ms": -1.0}, "--max-wait-ms: must be from 0 to 1,000; got -1"),
        ({"deadline_ms": 0}, "--deadline-ms: must be from 1"),
        ({"max_queue": 10, "max_texts": 20}, "--max-queue: must have room for the 20"),
    ],
)
def test_limits_that_make_no_sense_are_refused(given, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Limits(**given)


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        ({"texts": ["a"] * 4}, 413, "must have at most 3; got 4"),
        ({"texts": ["a " * 60]}, 400, "texts[0]: a text must have at most 30 tokens"),
        ({"texts": ["a", "é " * 150]}, 400, "texts[1]: a text must have at most 30"),
        ({"texts": ["a " * 1000]}, 413, "must have at most 2,000 bytes; got 2,"),
        ({"texts": ["a"], "deadline_ms": 0}, 400, "milliseconds above 0; got 0"),
    ],
)
def test_what_is_too_much_is_refused(tight, content, status: int, message: str) -> None:
    found = post(tight, content)
    assert found.status_code == status
    assert message in found.json()["error"]
    assert "\n" not in found.json()["error"]


def test_a_text_of_many_bytes_and_few_tokens_is_taken(tight) -> None:
    text = " ".join(["people"] * 12)
    assert len(text) > TIGHT.max_tokens
    assert post(tight, {"texts": [text]}).status_code == 200


def held_back(served: Served, monkeypatch) -> tuple[threading.Event, list[int]]:
    """Has a model run nothing until it is free to; and the rows of what it then ran."""
    free, run, ran = threading.Event(), served.batcher._run, []

    def held(rows, *more):
        free.wait()
        ran.append(len(rows))
        return run(rows, *more)

    monkeypatch.setattr(served.batcher, "_run", held)
    return free, ran


def test_a_full_queue_refuses_with_when_to_come_again_and_goes_on(
    tight, monkeypatch
) -> None:
    served = tight.model(None)
    free, _ = held_back(served, monkeypatch)

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        sent = [
            asyncio.create_task(client.post("/predict", json={"texts": ["a", "b"]}))
            for _ in range(2)
        ]
        while served.accepted < TIGHT.max_queue:
            await asyncio.sleep(0.001)
        late = await client.post("/predict", json={"texts": ["c"]})
        free.set()
        return [late, *await asyncio.gather(*sent)]

    late, *others = asked(tight, ask)
    assert late.status_code == 429
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert "takes 4 texts at a time; 4 are not answered yet" in late.json()["error"]
    assert [one.status_code for one in others] == [200, 200]
    assert post(tight, {"texts": ["c"]}).status_code == 200


def test_what_takes_too_long_is_given_up_and_not_run(tight, monkeypatch) -> None:
    served = tight.model(None)
    free, ran = held_back(served, monkeypatch)
    found = post(tight, {"texts": sentences(2, least=1), "deadline_ms": 30})
    assert served.accepted == 0
    free.set()
    assert post(tight, {"texts": ["old"]}).status_code == 200
    assert found.status_code == 504
    assert "must be answered within 30 ms" in found.json()["error"]
    # The first had begun; the second was nobody's by then.
    assert len(ran) == 2


def test_a_client_that_goes_leaves_nothing_to_run(tight, monkeypatch) -> None:
    served = tight.model(None)
    free, ran = held_back(served, monkeypatch)
    body = json.dumps({"texts": ["old", "river"]}).encode()
    pieces = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    app = make_front(make_app(tight, Counts([])), tight, Access([]), lambda _: None)
    status, _ = asyncio.run(sent_back(app, pieces))
    free.set()
    assert status["status"] == 499
    assert served.accepted == 0
    assert post(tight, {"texts": ["old"]}).status_code == 200
    # One row had begun, if any; the other was nobody's by then.
    assert len(ran) <= 2
