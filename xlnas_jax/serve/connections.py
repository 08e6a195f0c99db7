"""Connections of the server: a client that begins a request has to go on with it."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# The head of a request is there by then, or within twice the time.
HEAD_S = 15.0


class PromptProtocol(H11Protocol):
    """Closes connections whose head does not come: uvicorn would wait for ever."""

    _timer: asyncio.TimerHandle | None = None
    _was_waiting = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to look after it."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Closes it where it has waited for a head since the last look."""
        cycle: Any = self.cycle
        is_free = cycle is None or cycle.response_complete
        # Between two requests uvicorn's own timer is set, until a first byte comes.
        is_resting = self.timeout_keep_alive_task is not None
        is_waiting = is_free and not is_resting and self.conn.their_state is h11.IDLE
        if is_waiting and self._was_waiting:
            self.transport.close()
            return
        self._was_waiting = is_waiting
        self._timer = self.loop.call_later(HEAD_S, self._look)
