"""Without a token nobody on a network is let in, unless somebody said so."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.serve.models import client_of
from xlnas_jax.serve.access import VARIABLE, Access, read_tokens, require_guarded
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import ConfigError

TOKENS = ("first-token", "second-token")


@pytest.mark.parametrize(
    ("header", "is_let_in"),
    [
        (b"Bearer first-token", True),
        (b"bearer second-token", True),
        (b"Bearer  second-token ", True),
        (b"Bearer first-toke", False),
        (b"Bearer first-tokens", False),
        (b"Bearer ", False),
        (b"Basic first-token", False),
        (b"first-token", False),
        (b"", False),
        (b"Bearer \xff\xfe", False),
    ],
)
def test_whole_tokens_are_let_in_and_nothing_like_them(header, is_let_in) -> None:
    assert Access(TOKENS).allows(header) is is_let_in


def test_every_token_is_compared_whichever_is_right(monkeypatch) -> None:
    compared = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr("xlnas_jax.serve.access.hmac.compare_digest", compare)
    access = Access(TOKENS)
    for header in (b"Bearer first-token", b"Bearer second-token", b"Bearer x", b""):
        compared.clear()
        access.allows(header)
        assert compared == [(32, 32)] * len(TOKENS)


def test_tokens_are_lines_of_a_file_or_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first-token\n\n  second-token\n")
    environment = {VARIABLE: "another\nand-one-more"}
    assert read_tokens(file, environment) == [*TOKENS]
    assert read_tokens(None, environment) == ["another", "and-one-more"]
    assert read_tokens(None, {}) == []


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"two words", "é".encode(), b"\xff"]
)
def test_a_file_without_tokens_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tokens"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_tokens(file, {})
    assert "two words" not in str(error.value)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="must be a readable file"):
            read_tokens(missing, {})
    with pytest.raises(ConfigError, match=f"{VARIABLE}: must hold at least one token"):
        read_tokens(None, {VARIABLE: ""})


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "fe80::1%eth0"])
def test_beyond_this_machine_there_are_tokens_or_it_is_said(address: str) -> None:
    with pytest.raises(ConfigError, match="--host: beyond this machine"):
        require_guarded(address, [], False)
    require_guarded(address, TOKENS, False)
    require_guarded(address, [], True)
    for here in ("127.0.0.1", "127.1.2.3", "::1"):
        require_guarded(here, [], False)


def status(serving: Serving, path: str, method: str = "GET", **headers: str) -> int:
    async def run() -> httpx.Response:
        async with client_of(serving, tokens=TOKENS) as client:
            return await client.request(method, path, headers=headers)

    found = asyncio.run(run())
    if found.status_code == 401:
        assert found.headers["www-authenticate"] == "Bearer"
        assert found.json()["error"].startswith("authorization: must be 'Bearer'")
    return found.status_code


def test_all_but_health_and_description_needs_a_token() -> None:
    serving = Serving([], Limits())
    right = {"Authorization": "Bearer second-token"}
    for path in ("/health", "/v2/health/live", "/v2/health/ready", "/docs"):
        assert status(serving, path) == 200
    for method, path in (
        ("GET", "/metrics"),
        ("GET", "/v2"),
        ("POST", "/predict"),
        ("POST", "/v2/models/x/infer"),
        ("GET", "/nowhere"),
    ):
        assert status(serving, path, method) == 401
        assert status(serving, path, method, Authorization="Bearer no") == 401
        assert status(serving, path, method, **right) != 401


def test_a_closed_gate_lets_nobody_in_but_answers_who_only_looks() -> None:
    serving = Serving([], Limits())
    serving.gate.close()
    right = {"Authorization": "Bearer second-token"}
    assert status(serving, "/predict", "POST", **right) == 503
    assert status(serving, "/v2/health/ready") == 503
    assert status(serving, "/v2/health/live") == 200
    assert status(serving, "/metrics", **right) == 200
    assert serving.gate.inside == 0
