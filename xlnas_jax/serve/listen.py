"""The server itself: where it listens, and how it ends.

On SIGTERM it takes no further request: new ones are refused, accepted ones answered,
and then it ends. A second signal ends it at once.
"""

import logging
import socket
import time
from types import FrameType
from typing import NamedTuple

import uvicorn

from xlnas_jax.serve.access import Access
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.connections import PromptProtocol
from xlnas_jax.serve.front import Noted, make_front
from xlnas_jax.serve.log import Log, Told
from xlnas_jax.serve.metrics import Counts
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import ConfigError, XlnasError

# Connections that wait to be accepted.
BACKLOG = 1024
# For what stands in buffers, once every answer is made.
FLUSH_S = 5
# A client that begins no request is let go.
IDLE_S = 30


class UnansweredError(XlnasError):
    """The server had to end before all that it had accepted was answered."""


class Place(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


def bind(place: Place) -> socket.socket:
    """A socket that has its address, before anything slow begins.

    Raises:
        ConfigError: another process has it, or there is no such address.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            *place, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
    except OSError as error:
        raise ConfigError(
            f"--host: must be an address of this machine; got {place.host}: "
            f"{error.strerror or error}."
        ) from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise ConfigError(
            f"--port: must be free at {place.host}, and open to this user; got "
            f"{place.port}: {error.strerror or error}. Stop what listens there, or "
            f"give another port."
        ) from error
    return found


def listen(serving: Serving, found: socket.socket, access: Access, log: Log) -> None:
    """Serves until a signal comes, and all that was accepted is answered.

    Raises:
        UnansweredError: that took too long.
        XlnasError: a model's programs could not be made.
    """
    counts = Counts([*serving.models.values()])

    def note(request: Noted) -> None:
        log.note(request)
        counts.note(request)

    app = make_front(make_app(serving, counts), serving, access, note)
    server = Server(_configured(app), serving, log)
    logger = logging.getLogger("uvicorn.error")
    handler = Told(log)
    logger.addHandler(handler)
    logger.propagate = False
    host, port = found.getsockname()[:2]
    log.write("listening", host=host, port=port, models=list(serving.models))
    serving.start()
    failed: list[BaseException] = []
    for one in serving.models.values():
        one.batcher.ready.add_done_callback(
            lambda ready, name=one.name: _warmed(ready, name, log, server, failed)
        )
    try:
        server.run([found])
    finally:
        logger.removeHandler(handler)
    left = serving.gate.inside
    log.write("ended", "error" if left else "info", unanswered=left)
    if failed:
        raise failed[0]
    if left:
        raise UnansweredError(
            f"serve: all that was accepted must be answered before the end; got no "
            f"answer to {left} in {serving.limits.drain_s:g} s. Raise --drain-s."
        )
    serving.close()


def _warmed(ready, name: str, log: Log, server: "Server", failed: list) -> None:
    error = ready.exception()
    if error is None:
        log.write("ready", model=name)
        return
    failed.append(error)
    server.should_exit = True


def _configured(app) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=FLUSH_S,
    )


class Server(uvicorn.Server):
    """Ends once its gate is closed and nobody is inside."""

    def __init__(self, config: uvicorn.Config, serving: Serving, log: Log) -> None:
        super().__init__(config)
        self._gate, self._limits = serving.gate, serving.limits
        self._log = log
        self._has_told = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Closes the gate, and ends at once when asked again."""
        if self._gate.is_closed:
            self.should_exit = self.force_exit = True
        self._gate.close()

    async def on_tick(self, counter: int) -> bool:
        """Looks ten times a second whether all is answered."""
        gate = self._gate
        if gate.closed_at is not None:
            if not self._has_told:
                self._log.write("draining", inside=gate.inside)
                self._has_told = True
            waited = time.monotonic() - gate.closed_at
            if not gate.inside or waited > self._limits.drain_s:
                self.should_exit = True
        return await super().on_tick(counter)
