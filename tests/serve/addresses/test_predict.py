"""A client is told what `predict` says of its texts, whoever else asks meanwhile."""

import asyncio
import json
from typing import Any

import httpx
import jax
import numpy as np
import pytest

from tests.serve.models import (
    HEADS,
    SMALL,
    asked,
    get,
    network,
    post,
    sentences,
    serving_of,
)
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.export.predicting.plain import to_plain
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.serving import Serving

# The same rows in batches of other sizes: other orders of the same sums.
BATCH_TOLERANCE = 1e-5
QUESTION = "where do people walk"


def columns(task: str, texts: list[str]) -> dict[str, Any]:
    """Arguments of `predict`, and entries of a request."""
    if task == "qa":
        return {"texts": [QUESTION] * len(texts), "contexts": texts}
    return {"texts": texts}


def expected(task: str, given: dict[str, Any], **how: Any) -> Any:
    """The objects that `xlnas predict` writes, of batches as the server has them."""
    found = network(task).predict(**given, **{"batch_size": SMALL.batch_size, **how})
    return json.loads(json.dumps(to_plain(tuple(found))))


def flat(value: Any, numbers: list[float]) -> Any:
    """The same without its numbers, which are taken apart."""
    if isinstance(value, float):
        numbers.append(value)
        return None
    if isinstance(value, list):
        return [flat(one, numbers) for one in value]
    if isinstance(value, dict):
        return {key: flat(one, numbers) for key, one in value.items()}
    return value


def assert_alike(found: Any, wanted: Any) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    assert flat(found, ours) == flat(wanted, theirs)
    np.testing.assert_allclose(ours, theirs, atol=BATCH_TOLERANCE)


@pytest.mark.parametrize("task", [*HEADS])
def test_a_request_alone_gives_the_very_numbers_of_predict(serving, task) -> None:
    given = columns(task, sentences(4, least=1))
    answer = post(serving, {"model": task, **given})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"model": task, "predictions": expected(task, given)}


def mixed(num: int) -> list[tuple[str, dict[str, Any]]]:
    """Requests of all tasks and of many sizes, no two with the same texts."""
    rng = np.random.default_rng(0)
    tasks = [*HEADS]
    return [
        (
            tasks[n % len(tasks)],
            columns(tasks[n % len(tasks)], sentences(rng.integers(1, 4), n, 1)),
        )
        for n in range(num)
    ]


def ask_all(serving: Serving, requests: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Every request at once."""

    async def ask(client: httpx.AsyncClient) -> list[httpx.Response]:
        sent = (
            client.post("/predict", json={"model": task, **given})
            for task, given in requests
        )
        return await asyncio.gather(*sent)

    answers = asked(serving, ask)
    assert {one.status_code for one in answers} == {200}
    return [one.json()["predictions"] for one in answers]


def test_fifty_clients_at_once_are_told_exactly_what_each_is_alone(one_by_one) -> None:
    requests = mixed(50)
    answers = ask_all(one_by_one, requests)
    for (task, given), found in zip(requests, answers, strict=True):
        assert found == expected(task, given, batch_size=1)


def test_texts_of_many_clients_run_together_and_none_is_lost(
    serving, monkeypatch
) -> None:
    ran = []
    for one in serving.models.values():
        monkeypatch.setattr(one.batcher, "_note", ran.append)
    requests = mixed(50)
    answers = ask_all(serving, requests)
    for (task, given), found in zip(requests, answers, strict=True):
        assert_alike(found, expected(task, given))
    assert max(one.rows for one in ran) == SMALL.batch_size
    assert len(ran) < sum(len(given["texts"]) for _, given in requests)
    assert all(one.accepted == 0 for one in serving.models.values())


def test_nothing_is_compiled_for_a_request() -> None:
    jax.clear_caches()
    with serving_of(["tagging"], Limits(batch_size=2)) as fresh:
        with CompileCounter() as counter:
            for language in (None, "en", "sw", "fi"):
                for count in (1, 2, 3):
                    texts = [*["old"] * count, *["the river " * 9] * count]
                    content = {"texts": texts, "language": language}
                    assert post(fresh, content).status_code == 200
        assert counter.programs == 0


@pytest.mark.parametrize(
    ("task", "language"), [("tagging", "swa"), ("retrieval", "sw")]
)
def test_a_language_is_heard(serving, task: str, language: str) -> None:
    given = columns(task, sentences(4, least=3))
    found = post(serving, {"model": task, "language": language, **given}).json()
    assert found["predictions"] == expected(task, given, language=language)
    assert found["predictions"] != expected(task, given)


def test_pairs_words_and_next_best_answers_are_read_as_predict_reads_them(
    serving,
) -> None:
    texts, others = sentences(3, least=2), sentences(3, seed=8, least=2)
    inputs = [{"text": a, "pair": b} for a, b in zip(texts, others, strict=True)]
    wanted = expected("classification", {"texts": texts, "pairs": others})
    for given in ({"texts": texts, "pairs": others}, {"inputs": inputs}):
        found = post(serving, {"model": "classification", **given}).json()
        assert found["predictions"] == wanted
    assert wanted != expected("classification", {"texts": texts})

    words = [text.split() for text in texts]
    for given in ({"texts": words}, {"inputs": [{"words": one} for one in words]}):
        found = post(serving, {"model": "tagging", **given}).json()
        assert found["predictions"] == expected("tagging", {"texts": texts})

    inputs = [{"question": QUESTION, "context": text} for text in texts]
    found = post(serving, {"model": "qa", "inputs": inputs, "num_best": 3}).json()
    assert found["predictions"] == expected("qa", columns("qa", texts), num_best=3)
    assert found["predictions"][0]["others"]


def test_no_text_gives_no_prediction(serving) -> None:
    found = post(serving, {"model": "tagging", "texts": []})
    assert found.json() == {"model": "tagging", "predictions": []}


def test_the_only_model_need_not_be_named() -> None:
    limits = Limits(batch_size=1)
    with serving_of(["classification"], limits) as alone:
        assert post(alone, {"texts": ["old river"]}).json()["model"] == "classification"


def test_of_several_models_one_is_named(serving) -> None:
    nameless = post(serving, {"texts": ["old"]})
    assert nameless.status_code == 400
    assert nameless.json()["error"].startswith("model: must be one of classification")
    other = post(serving, {"model": "no\nsuch", "texts": ["old"]})
    assert (other.status_code, "\n" in other.json()["error"]) == (404, False)


def test_health_is_told_by_model_and_status(serving) -> None:
    found = get(serving, "/health")
    assert (found.status_code, found.json()["status"]) == (200, "ready")
    assert found.json()["models"]["qa"] == {"task": "qa", "ready": True}


def test_a_server_that_is_not_warm_says_so_and_takes_nothing() -> None:
    from xlnas_jax.serve.model import Served

    cold = Serving([Served("cold", network("classification"), SMALL)], SMALL)
    assert get(cold, "/v2/health/live").json() == {"live": True}
    for path, key in (("/health", "status"), ("/v2/health/ready", "ready")):
        found = get(cold, path)
        assert found.status_code == 503
        assert found.json()[key] in (False, "warming up")
    refused = post(cold, {"texts": ["old"]})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_what_there_is_not_is_said_as_json(serving) -> None:
    assert get(serving, "/nowhere").json() == {"error": "GET /nowhere: Not Found."}
    assert get(serving, "/predict").status_code == 405
