"""The server as a process: where it listens, and how it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.serve.models import network
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.serve import connections
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.listen import Place, bind, listen
from xlnas_jax.serve.log import Log
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import ConfigError


def test_a_port_that_is_taken_is_said_before_anything_is_loaded() -> None:
    with bind(Place("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--port: must be free .* got {port}"):
            bind(Place("127.0.0.1", port))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="--host: must be an address of this machine"):
        bind(Place("no.such.host.invalid", 0))


def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    serving = Serving([], Limits())
    found, log = bind(Place("127.0.0.1", 0)), Log(lambda _: None)
    address = found.getsockname()
    thread = threading.Thread(target=listen, args=(serving, found, Access([]), log))
    thread.start()
    try:
        with socket.create_connection(address) as half:
            half.sendall(b"GET /health HTTP/1.1\r\nHo")
            assert half.recv(1) == b""
        with httpx.Client(base_url=f"http://127.0.0.1:{address[1]}") as client:
            for _ in range(3):  # one that rests between two requests is kept
                assert client.get("/health").status_code == 200
                time.sleep(0.3)
    finally:
        serving.gate.close()
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = Written("A test model.\n", {"source": "en"})
    folder = tmp_path_factory.mktemp("served") / "topics"
    return save_artifact(folder, network("classification"), architecture={}, card=card)


class Process:
    """`xlnas serve`, and what it has logged."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "xlnas_jax.cli", "serve", "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(
            [*command, *arguments], stderr=subprocess.PIPE, text=True, env=environment
        )
        self.lines: list[dict[str, Any]] = []
        self.rest = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.rest += line

    def event(self, name: str) -> dict[str, Any]:
        """The first line of an event, once it is there."""
        for _ in range(2400):
            for line in list(self.lines):
                if line["event"] == name:
                    return line
            assert self.process.poll() is None, (self.lines, self.rest)
            time.sleep(0.05)
        raise AssertionError((name, self.lines, self.rest))

    @property
    def address(self) -> tuple[str, int]:
        line = self.event("listening")
        return line["host"], line["port"]

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[Process]:
    made = Process(*arguments)
    try:
        made.event("ready")
        yield made
    finally:
        made.process.kill()
        made.end()


def open_request(address: tuple[str, int], body: bytes) -> socket.socket:
    """A request whose last byte is not sent yet."""
    found = socket.create_connection(address, timeout=30)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    found.sendall(head.encode() + body[:-1])
    return found


def read_all(found: socket.socket) -> bytes:
    """What comes before the connection is closed."""
    with found:
        return b"".join(iter(lambda: found.recv(1 << 16), b""))


def test_what_was_accepted_is_answered_before_the_end_and_nothing_else(model) -> None:
    body = json.dumps({"texts": ["old river"]}).encode()
    with served("--batch-size", "1", str(model)) as process:
        host, port = process.address
        url = f"http://{host}:{port}"
        wanted = httpx.post(f"{url}/predict", content=body).json()
        accepted = open_request(process.address, body)
        time.sleep(0.3)  # until its head was read
        process.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        late = httpx.post(f"{url}/predict", content=body)
        assert late.status_code == 503
        assert late.json()["error"].startswith("server: it is to end")
        assert httpx.get(f"{url}/v2/health/ready").json() == {"ready": False}
        accepted.sendall(body[-1:])
        answer = read_all(accepted).partition(b"\r\n\r\n")
        assert answer[0].startswith(b"HTTP/1.1 200")
        assert json.loads(answer[2]) == wanted
        assert process.end() == 0
    assert process.rest == ""
    events = [line["event"] for line in process.lines]
    assert events[-1] == "ended" and "draining" in events
    assert "river" not in json.dumps(process.lines)
    paths = {line["path"] for line in process.lines if line["event"] == "request"}
    assert "/predict" in paths


def test_requests_that_are_never_finished_do_not_hold_up_others(model) -> None:
    body = json.dumps({"texts": ["old river"]}).encode()
    options = ["--batch-size", "1", "--deadline-ms", "3000", "--drain-s", "10"]
    with served(*options, str(model)) as process:
        host, port = process.address
        slow = [open_request(process.address, body) for _ in range(100)]
        half = [socket.create_connection(process.address) for _ in range(100)]
        for one in half:
            one.sendall(b"POST /predict HTTP/1.1\r\nHost")
        start = time.monotonic()
        for _ in range(5):
            found = httpx.post(f"http://{host}:{port}/predict", content=body)
            assert found.status_code == 200
        assert time.monotonic() - start < 2
        answers = [read_all(one) for one in slow]
        assert all(one.startswith(b"HTTP/1.1 408") for one in answers)
        process.process.send_signal(signal.SIGTERM)
        assert process.end() == 0
        for one in half:
            one.close()
