"""Every address of the server."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from xlnas_jax.serve.addresses.described import docs, openapi
from xlnas_jax.serve.addresses.endpoint import endpoint
from xlnas_jax.serve.addresses.health import make_health
from xlnas_jax.serve.addresses.predict import make_predict
from xlnas_jax.serve.addresses.protocol import make_protocol
from xlnas_jax.serve.body import answer
from xlnas_jax.serve.metrics import Counts
from xlnas_jax.serve.serving import Serving


def make_app(serving: Serving, counts: Counts) -> Starlette:
    """What answers requests; whatever is wrong with one is said as JSON."""
    routes = [
        endpoint("/predict", "POST", make_predict(serving)),
        endpoint("/health", "GET", make_health(serving)),
        *make_protocol(serving),
        endpoint("/metrics", "GET", counts.show),
        endpoint("/openapi.json", "GET", openapi),
        endpoint("/docs", "GET", docs),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})


async def _elsewhere(request: Request, error: Exception) -> Response:
    """No such address, or not by this method."""
    assert isinstance(error, HTTPException)
    return answer(
        {"error": f"{request.method} {request.url.path}: {error.detail}."},
        error.status_code,
    )
