"""Whether the server lives, and whether it can be asked."""

from starlette.requests import Request
from starlette.responses import Response

from xlnas_jax.serve.addresses.endpoint import Handle
from xlnas_jax.serve.body import answer
from xlnas_jax.serve.serving import Serving


def make_health(serving: Serving) -> Handle:
    """`/health`: all of it, for people; 503 while nothing should be sent here."""

    async def health(request: Request) -> Response:
        models = {
            name: {"task": one.subnet.task, "ready": one.is_ready}
            for name, one in serving.models.items()
        }
        status = "ready" if serving.is_ready else "warming up"
        status = "draining" if serving.gate.is_closed else status
        code = 200 if serving.is_ready else 503
        return answer({"status": status, "models": models}, code)

    return health


async def live(request: Request) -> Response:
    """`/v2/health/live`."""
    return answer({"live": True})


def make_ready(serving: Serving) -> Handle:
    """`/v2/health/ready`: true once every program is compiled, until the end."""

    async def ready(request: Request) -> Response:
        return answer({"ready": serving.is_ready}, 200 if serving.is_ready else 503)

    return ready
