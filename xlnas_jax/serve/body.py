"""Bodies of requests, read within bounds, and answers as they are written."""

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from xlnas_jax.files import parse_json
from xlnas_jax.serve.limits import Limits, Refused

JSON = "application/json"
# Of a client that went away before it had asked anything; nobody reads it.
GONE = 499
# After which the rest of a body may still come, and is not waited for.
UNREAD = (401, 408, 413, 503)


async def read_object(request: Request, limits: Limits) -> dict[str, Any]:
    """The JSON object that a request holds.

    Raises:
        Refused: it is larger than is taken, comes too slowly, is cut off or is no
            object.
    """
    raw = await _read(request, limits)
    try:
        content = parse_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refused(
            400, f"body: must be JSON in UTF-8; byte {error.start} is not."
        ) from None
    except ValueError as error:
        raise Refused(400, f"body: must be a JSON object; got: {error}.") from None
    if not isinstance(content, dict):
        raise Refused(
            400, f"body: must be a JSON object; got {type(content).__name__}."
        )
    return content


async def _read(request: Request, limits: Limits) -> bytes:
    most = limits.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise _too_large(f"{int(declared[:20]):,}", most)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.deadline_ms / 1000):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise _too_large("more", most)
    except TimeoutError:
        raise Refused(
            408,
            f"body: must be sent within {limits.deadline_ms:,} ms; got "
            f"{len(body):,} bytes of it by then.",
        ) from None
    except ClientDisconnect:
        raise Refused(GONE, "body: it was cut off.") from None
    return bytes(body)


def _too_large(got: str, most: int) -> Refused:
    return Refused(
        413,
        f"body: must have at most {most:,} bytes; got {got}. Send fewer texts at "
        f"once, or start the server with a higher --max-body-bytes.",
    )


def to_bytes(content: Any) -> bytes:
    """JSON as `xlnas predict` writes it."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def answer(content: Any, status: int = 200, after_s: int | None = None) -> Response:
    """What is sent back, as JSON."""
    headers = {} if after_s is None else {"Retry-After": str(after_s)}
    raw = content if isinstance(content, bytes) else to_bytes(content)
    return Response(raw, status, headers, JSON)


def refusal(refused: Refused) -> Response:
    """Why nothing is sent back."""
    made = answer({"error": str(refused)}, refused.status, refused.after_s)
    if refused.status in UNREAD:
        made.headers["Connection"] = "close"
    if refused.status == 401:
        made.headers["WWW-Authenticate"] = "Bearer"
    return made
