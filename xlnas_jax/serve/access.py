"""Who may ask: whoever has a token, or everybody on this machine."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlnas_jax.files import read_given_text
from xlnas_jax.types import ConfigError

VARIABLE = "XLNAS_SERVE_TOKENS"
MAX_BYTES = 1 << 20
SCHEME = b"bearer "


class Access:
    """Tokens that are let in; without any, everybody is."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._digests = [_digest(token.encode()) for token in tokens]

    def allows(self, header: bytes) -> bool:
        """Whether an `Authorization` header has one of the tokens.

        Takes as long whichever it is like: digests are of one length, and all are
        compared.
        """
        if not self._digests:
            return True
        scheme, token = header[: len(SCHEME)], header[len(SCHEME) :]
        given = _digest(token.strip())
        found = False
        for digest in self._digests:
            found |= hmac.compare_digest(digest, given)
        return found and scheme.lower() == SCHEME


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def read_tokens(file: Path | None, environment: Mapping[str, str]) -> list[str]:
    """Tokens of a file, one a line, or of the environment; none where there is neither.

    Raises:
        ConfigError: there are none where some were to be, or one is no token.
    """
    if file is not None:
        advice = "Give a file with a token a line."
        path = file.expanduser()
        text = read_given_text(path, ConfigError, advice, most=MAX_BYTES)
        return _tokens(text, f"--tokens {file}")
    if VARIABLE in environment:
        return _tokens(environment[VARIABLE], VARIABLE)
    return []


def _tokens(text: str, where: str) -> list[str]:
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise ConfigError(
            f"{where}: must hold at least one token, one a line; got none. Write for "
            f"instance what `openssl rand -hex 32` says."
        )
    for number, token in enumerate(found, start=1):
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigError(
                f"{where}: a token must be ASCII without spaces, as a header has it; "
                f"token {number} is not. Write another one."
            )
    return found


def require_guarded(address: str, tokens: Sequence[str], is_open: bool) -> None:
    """An error where anybody on a network could ask, and nobody said so.

    Args:
        address: that is listened at, as numbers.
    """
    is_here = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if is_here or tokens or is_open:
        return
    raise ConfigError(
        f"--host: beyond this machine a server must have tokens; got {address} without "
        f"any. Give --tokens FILE or {VARIABLE}, or --open to let everybody ask."
    )
