"""Every address of the server."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from xlnas_jax.serve.addresses.endpoint import endpoint
from xlnas_jax.serve.addresses.health import make_health
from xlnas_jax.serve.addresses.predict import make_predict
from xlnas_jax.serve.addresses.protocol import make_protocol
from xlnas_jax.serve.body import answer
from xlnas_jax.serve.serving import Serving


def make_app(serving: Serving) -> Starlette:
    """What answers requests; whatever is wrong with one is said as JSON."""
    routes = [
        endpoint("/predict", "POST", make_predict(serving)),
        endpoint("/health", "GET", make_health(serving)),
        *make_protocol(serving),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})


async def _elsewhere(request: Request, error: Exception) -> Response:
    """No such address, or not by this method."""
    assert isinstance(error, HTTPException)
    return answer(
        {"error": f"{request.method} {request.url.path}: {error.detail}."},
        error.status_code,
    )
