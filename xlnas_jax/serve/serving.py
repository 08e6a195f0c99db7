"""All that a server holds: its models, its limits, and whether it still takes work."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from xlnas_jax.serve.limits import Limits, Refused
from xlnas_jax.serve.model import Served
from xlnas_jax.types import spelled


class Gate:
    """Counts the requests inside; once it is closed no further one comes in."""

    def __init__(self) -> None:
        self.inside = 0
        self.closed_at: float | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the server is to end."""
        return self.closed_at is not None

    def close(self) -> None:
        """Lets nobody in any more; may be called from a signal's handler."""
        if self.closed_at is None:
            self.closed_at = time.monotonic()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """For as long as a request is inside.

        Raises:
            Refused: the gate is closed.
        """
        if self.is_closed:
            raise Refused(
                503,
                "server: it is to end, and answers what it has accepted. Send the "
                "request to another one.",
                1,
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class Serving:
    """Models by name, behind one gate."""

    def __init__(self, models: Sequence[Served], limits: Limits) -> None:
        self.models = {one.name: one for one in models}
        self.limits = limits
        self.gate = Gate()

    @property
    def is_ready(self) -> bool:
        """Whether every model can be asked."""
        return not self.gate.is_closed and all(
            one.is_ready for one in self.models.values()
        )

    def start(self) -> None:
        """Has every model compile its programs."""
        for one in self.models.values():
            one.batcher.start()

    def close(self) -> None:
        """Ends their threads."""
        for one in self.models.values():
            one.close()

    def model(self, name: str | None) -> Served:
        """The model of a name, or the only one.

        Raises:
            Refused: there is no such model, or it must be named.
        """
        known = ", ".join(self.models)
        if name is None:
            if len(self.models) == 1:
                return next(iter(self.models.values()))
            raise Refused(400, f"model: must be one of {known}; got none.")
        if name not in self.models:
            raise Refused(404, f"model: must be one of {known}; got {spelled(name)}.")
        return self.models[name]
