"""Counts what XLA compiles: how many programs, how long, and how many too late."""

from types import TracebackType
from typing import Any

import jax

EVENT = "/jax/core/compile/backend_compile_duration"


class CompileCounter:
    """Listens while it is open; `mark` names what was compiled up to then."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.programs = 0
        self.seconds = 0.0
        self.phases: dict[str, int] = {}

    def __enter__(self) -> "CompileCounter":
        """Registers the listener."""
        jax.monitoring.register_event_duration_secs_listener(self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unregisters it."""
        jax.monitoring.unregister_event_duration_listener(self._heard)

    def _heard(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event == EVENT:
            self.programs += 1
            self.seconds += duration_secs

    def mark(self, phase: str) -> None:
        """Ends a phase: what was compiled since the last mark belongs to it."""
        before = sum(self.phases.values())
        self.phases[phase] = self.programs - before

    def summary(self) -> dict[str, Any]:
        """Programs per phase and in all, and the seconds they took."""
        return {
            "programs": self.programs,
            "seconds": round(self.seconds, 3),
            "programs_by_phase": dict(self.phases),
        }
