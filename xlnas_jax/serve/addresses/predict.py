"""`POST /predict`: texts in, one object each out, as `xlnas predict` writes it."""

import asyncio
import functools
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from xlnas_jax.export.predicting.plain import to_plain
from xlnas_jax.serve.addresses.endpoint import Handle
from xlnas_jax.serve.asking import Given, read_deadline, read_given
from xlnas_jax.serve.body import GONE, answer, read_object, to_bytes
from xlnas_jax.serve.limits import Refused
from xlnas_jax.serve.model import Served
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import brief


def make_predict(serving: Serving) -> Handle:
    """The handler of that address."""

    async def predict(request: Request) -> Response:
        content = await read_object(request, serving.limits)
        served = serving.model(_name(content))
        given = read_given(content, served.subnet.task)
        write = functools.partial(_write, served.name)
        raw = await run(request, served, given, content.get("deadline_ms"), write)
        return answer(raw)

    return predict


async def run(
    request: Request,
    served: Served,
    given: Given,
    deadline_ms: Any,
    write: Any,
) -> bytes:
    """What a model says of the texts of a request, within its time."""
    request.state.model, request.state.texts = served.name, len(given.texts)
    seconds = read_deadline(deadline_ms, served.limits)
    ask = functools.partial(given.ask, limits=served.limits)
    times = seconds, request.state.started
    told = asyncio.ensure_future(served.predict(ask, write, given.texts, *times))
    # All of the body was read: what may still come is that the client has gone.
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            return told.result()
        raise Refused(GONE, "request: its client did not wait for the answer.")
    finally:
        for one in (told, gone):
            one.cancel()


def _name(content: Mapping[str, Any]) -> str | None:
    name = content.get("model")
    if name is None or isinstance(name, str):
        return name
    raise Refused(400, f"model: must be the name of one; got {brief(name)}.")


def _write(model: str, found: list[Any]) -> bytes:
    return to_bytes({"model": model, "predictions": to_plain(tuple(found))})
