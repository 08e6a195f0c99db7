"""The door of the server: who comes in, and what is noted of every request."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xlnas_jax.serve.access import Access
from xlnas_jax.serve.body import refusal
from xlnas_jax.serve.limits import Refused
from xlnas_jax.serve.serving import Serving

# What is answered even while the server ends, and never counts as work.
ALWAYS = ("/health", "/metrics", "/v2/health/live", "/v2/health/ready")
# What needs no token: it tells nothing of anybody, and probes have none.
OPEN = ("/health", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")


class Noted(NamedTuple):
    """What may be known of a request: never its texts.

    Attributes:
        path: as the server writes it, or `other`.
        texts: how many there were. fault: of the server's own, where it has one.
    """

    method: str
    path: str
    status: int
    seconds: float
    model: str
    texts: int
    fault: str


def make_front(
    app: ASGIApp, serving: Serving, access: Access, note: Callable[[Noted], None]
) -> ASGIApp:
    """The application behind the gate, for whoever has access."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start = time.monotonic()
        state: dict[str, Any] = scope.setdefault("state", {})
        state["started"] = start
        status = [0]

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            if scope["path"] not in OPEN:
                _require_access(access, scope)
            if scope["path"] in ALWAYS:
                await app(scope, receive, sent)
            else:
                with serving.gate.passed():
                    await app(scope, receive, sent)
        except Refused as refused:
            await refusal(refused)(scope, receive, sent)
        finally:
            note(
                Noted(
                    method=scope["method"],
                    path=state.get("path", "other"),
                    status=status[0],
                    seconds=time.monotonic() - start,
                    model=state.get("model", ""),
                    texts=state.get("texts", 0),
                    fault=state.get("fault", ""),
                )
            )

    return front


def _require_access(access: Access, scope: Scope) -> None:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not access.allows(given[0] if len(given) == 1 else b""):
        raise Refused(
            401,
            "authorization: must be 'Bearer' and one of this server's tokens; got "
            f"{'none' if not given else 'another'}.",
        )
