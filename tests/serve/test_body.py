"""Whatever a client sends is answered as its fault, and the server goes on."""

import asyncio
import json
import random
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from tests.fuzz.contract import generated
from tests.serve.models import SMALL, client_of, get, post
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.front import make_front
from xlnas_jax.serve.metrics import Counts

TEXT = {"model": "classification", "texts": ["old river"]}
FUZZED = 1000


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "must be a JSON object; got: "),
        (b"[1]", "must be a JSON object; got list"),
        (b'{"texts": ["a"', "must be a JSON object; got: "),
        (b'{"texts": ["\xff"]}', "must be JSON in UTF-8; byte 12 is not"),
        (b'{"texts": ["\\ud800"]}', "lone surrogate"),
        (b'{"texts": [], "texts": []}', "'texts' is given twice"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "must be a JSON object; got: "),
        (b'{"a": NaN}', "NaN is no number of JSON"),
    ],
)
def test_a_body_that_is_no_object_is_refused(serving, raw: bytes, message: str) -> None:
    found = post(serving, raw)
    assert found.status_code == 400
    assert message in found.json()["error"]


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("classification", {}, "must have either texts or inputs; got neither"),
        ("classification", {"texts": [], "inputs": []}, "got both"),
        ("classification", {"texts": "old"}, "texts: must be a list of texts"),
        ("classification", {"texts": [5]}, "texts[0]: must be a text; got 5"),
        ("classification", {"texts": [["old"]]}, "texts[0]: must be a text"),
        ("classification", {"text": ["old"]}, "no entries but texts, pairs, inputs"),
        ("classification", {"texts": ["a"], "pairs": []}, "must be as many as texts"),
        ("classification", {"texts": ["a"], "num_best": 2}, "question answering"),
        ("classification", {"texts": ["a"], "language": "??"}, "'??'"),
        ("classification", {"texts": ["a"], "language": 5}, "language: must be a text"),
        ("classification", {"inputs": [{"pair": "a"}]}, "inputs[0].text: must be a te"),
        (
            "classification",
            {"inputs": [{"text": "a", "pair": "b"}, {"text": "a"}]},
            "every one must have a pair, or none; got 1 of 2",
        ),
        ("tagging", {"texts": ["a"], "pairs": ["b"]}, "no entries but texts, inputs"),
        ("tagging", {"inputs": [{"words": ["a", 5]}]}, "words[0][1]: must be a text"),
        (
            "tagging",
            {"inputs": [{"words": ["a"], "text": "a"}]},
            "no entries but words",
        ),
        ("qa", {"texts": ["where"]}, "every question needs the text"),
        ("qa", {"texts": ["where"], "contexts": [" "]}, "contexts[0]: a question and"),
        ("qa", {"inputs": [{"question": "where"}]}, "every question needs the text"),
        ("qa", {"texts": ["a"], "contexts": ["b"], "num_best": True}, "whole number"),
        ("qa", {"texts": ["a"], "contexts": ["b"], "num_best": 99}, "must be 1 to 20"),
        ("retrieval", {"texts": [None]}, "texts[0]: must be a text; got None"),
        (7, {"texts": []}, "model: must be the name of one; got 7"),
    ],
)
def test_what_the_task_does_not_take_is_said(
    serving, model: Any, content: dict[str, Any], message: str
) -> None:
    found = post(serving, {"model": model, **content})
    assert found.status_code == 400, found.text
    assert message in found.json()["error"]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["classification", "tagging", "qa", "retrieval"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = ("model", "texts", "inputs", "pairs", "contexts", "language", "num_best")
BODIES = st.one_of(
    st.binary(max_size=64),
    JUNK.map(json.dumps).map(str.encode),
    st.dictionaries(st.sampled_from([*KEYS, "deadline_ms", "x"]), JUNK, max_size=6)
    .map(json.dumps)
    .map(str.encode),
)


@cache
def invented() -> list[bytes]:
    """Bodies that a schema would not think of; more of them by `make fuzz`."""
    found: list[bytes] = []

    @generated(100, 5000)
    @given(BODIES)
    def collect(body: bytes) -> None:
        found.append(body)

    collect()
    return found


PREDICT = [
    {**TEXT, "pairs": ["new city"], "language": "sw", "deadline_ms": 1e4},
    {"model": "tagging", "inputs": [{"words": ["old", "river"]}, "many people"]},
    {"model": "qa", "inputs": [{"question": "where", "context": "the old city"}]},
]
TENSOR = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [["a"]]}
INFER = [{"inputs": [TENSOR], "outputs": [{"name": "prediction"}], "parameters": {}}]


def damaged(whole: list[dict[str, Any]], num: int) -> list[bytes]:
    """Requests that were right, with bytes changed, lost, doubled or cut off."""
    rng = random.Random(0)
    found = []
    for number in range(num):
        body = bytearray(json.dumps(whole[number % len(whole)]).encode())
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body) + 1)
            match rng.randrange(4):
                case 0:
                    body[at : at + 1] = rng.randbytes(1)
                case 1:
                    del body[at : at + rng.randint(1, 9)]
                case 2:
                    body[at:at] = body[max(0, at - 9) : at]
                case 3:
                    del body[at:]
        found.append(bytes(body))
    return found


@pytest.mark.parametrize(
    ("path", "whole"), [("/predict", PREDICT), ("/v2/models/tagging/infer", INFER)]
)
def test_bodies_by_the_thousand_are_answered_or_refused(serving, path, whole) -> None:
    bodies = invented() + damaged(whole, FUZZED)

    async def ask() -> list[int]:
        pieces = ([{"type": "http.request", "body": one}] for one in bodies)
        inner = make_app(serving, Counts([]))
        app = make_front(inner, serving, Access([]), lambda _: None)
        sent = [await sent_back(app, one, path=path) for one in pieces]
        return [messages[0]["status"] for messages in sent]

    codes = asyncio.run(ask())
    assert len(codes) >= FUZZED
    assert {*codes} <= {200, 400, 404}
    assert codes.count(400) > FUZZED / 2
    assert post(serving, TEXT).status_code == 200


async def answer(
    serving, pieces: list[dict[str, Any]], headers=(), path: str = "/predict"
) -> list[dict[str, Any]]:
    """What is sent back for a body that comes in these pieces."""
    app = make_front(make_app(serving, Counts([])), serving, Access([]), lambda _: None)
    return await sent_back(app, pieces, headers, path)


async def sent_back(
    app: ASGIApp, pieces: list[dict[str, Any]], headers=(), path: str = "/predict"
) -> list[dict[str, Any]]:
    """The same of an application."""
    waiting, sent = iter(pieces), []

    async def receive() -> dict[str, Any]:
        found = next(waiting, None)
        if found is None:
            await asyncio.sleep(3600)  # a client that never goes on
        return found

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [*headers],
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    return sent


def told(serving, pieces: list[dict[str, Any]], headers=()) -> list[dict[str, Any]]:
    return asyncio.run(answer(serving, pieces, headers))


def test_a_body_that_is_cut_off_ends_there(serving) -> None:
    pieces = [
        {"type": "http.request", "body": b'{"texts"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert told(serving, pieces)[0]["status"] == 499
    assert post(serving, TEXT).status_code == 200


def test_a_body_that_never_ends_is_given_up_in_time(serving, monkeypatch) -> None:
    import dataclasses

    hasty = dataclasses.replace(SMALL, deadline_ms=50)
    monkeypatch.setattr(serving, "limits", hasty)
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}]
    status, body = told(serving, pieces)
    assert status["status"] == 408
    assert b"must be sent within 50 ms; got 1 bytes" in body["body"]


def test_a_huge_body_is_refused_before_it_is_read(serving) -> None:
    headers = [(b"content-length", b"1" + b"0" * 30)]
    status, body = told(serving, [], headers)
    assert status["status"] == 413
    assert b"must have at most 1,048,576 bytes" in body["body"]


def test_a_body_that_grows_without_end_is_refused_at_the_limit(serving) -> None:
    piece = {"type": "http.request", "body": b" " * 100_000, "more_body": True}
    status, _ = told(serving, [piece] * 11)
    assert status["status"] == 413


def test_a_fault_of_ours_is_told_without_the_text(serving, monkeypatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("old river")

    served = serving.model("classification")
    monkeypatch.setattr(served.batcher, "_run", broken)
    notes = []

    async def ask() -> httpx.Response:
        async with client_of(serving, notes) as client:
            return await client.post("/predict", json=TEXT)

    found = asyncio.run(ask())
    assert found.status_code == 500
    assert "river" not in found.text
    (note,) = notes
    assert note.fault.startswith("RuntimeError at ") and "river" not in note.fault
    assert (note.path, note.model, note.texts) == ("/predict", "classification", 1)
    monkeypatch.undo()
    assert get(serving, "/health").status_code == 200
    assert post(serving, TEXT).status_code == 200
