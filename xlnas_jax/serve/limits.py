"""What a server takes, how long anything may take, and how it says no."""

from dataclasses import dataclass

from xlnas_jax.types import ConfigError


class Refused(Exception):
    """A request that is not answered: its status, and why, in one paragraph.

    Attributes:
        status: of HTTP.
        after_s: seconds after which it may be sent again; None where that is no use.
    """

    def __init__(self, status: int, message: str, after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.after_s = after_s


@dataclass(frozen=True)
class Limits:
    """Bounds of one server; all of them hold for each model by itself.

    Attributes:
        batch_size: texts that run together at most, a power of two: a program is
            compiled for it and every smaller one.
        max_wait_ms: for how long the first text of a batch waits for others.
        max_queue: texts that are accepted and not yet answered.
        max_body_bytes: of a request.
        max_texts: of a request.
        max_tokens: of one text, before it is cut to what the model reads.
        deadline_ms: within which a request is answered, from its first byte on; one
            may ask for less.
        drain_s: for accepted requests, once the server is to end.
    """

    batch_size: int = 32
    max_wait_ms: float = 2.0
    max_queue: int = 1024
    max_body_bytes: int = 1 << 20
    max_texts: int = 256
    max_tokens: int = 8192
    deadline_ms: int = 30_000
    drain_s: float = 30.0

    def __post_init__(self) -> None:
        """An error for a value outside its range."""
        for name, least, most in (
            ("batch_size", 1, 1024),
            ("max_wait_ms", 0, 1000),
            ("max_queue", 1, 1 << 20),
            ("max_body_bytes", 1 << 10, 1 << 30),
            ("max_texts", 1, 1 << 16),
            ("max_tokens", 1, 1 << 20),
            ("deadline_ms", 1, 3_600_000),
            ("drain_s", 0, 3600),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(
                    f"{_option(name)}: must be from {least:,} to {most:,}; got {value}."
                )
        if self.batch_size & (self.batch_size - 1):
            raise ConfigError(
                f"{_option('batch_size')}: must be a power of two, as the rows of "
                f"every batch are; got {self.batch_size}. Use 16 or 32."
            )
        if self.max_queue < self.max_texts:
            raise ConfigError(
                f"{_option('max_queue')}: must have room for the {self.max_texts:,} "
                f"texts of one request; got {self.max_queue:,}. Raise it, or lower "
                f"{_option('max_texts')}."
            )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
