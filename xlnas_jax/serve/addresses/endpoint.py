"""One address: what is called there, and what becomes of its errors."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xlnas_jax.serve.body import answer, refusal
from xlnas_jax.serve.limits import Refused
from xlnas_jax.types import CheckpointError, XlnasError

Handle = Callable[[Request], Awaitable[Response]]


def endpoint(path: str, method: str, handle: Handle) -> Route:
    """A route whose errors are answers: nothing that a client sends ends the server.

    What is known of a request is left in its state, for whoever logs and counts:
    `path` as it is written here, `fault` where the server itself is at fault.
    """

    async def guarded(request: Request) -> Response:
        request.state.path = path
        try:
            return await handle(request)
        except Refused as error:
            return refusal(error)
        except CheckpointError as error:
            request.state.fault = type(error).__name__
            return answer({"error": str(error)}, 500)
        except XlnasError as error:
            return answer({"error": str(error)}, 400)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # Where it was, and not what it says: that may be somebody's text.
            at = traceback.extract_tb(error.__traceback__)[-1]
            request.state.fault = f"{type(error).__name__} at {at.filename}:{at.lineno}"
            return answer({"error": "server: it has a fault; its log says where."}, 500)

    return Route(path, guarded, methods=[method])
