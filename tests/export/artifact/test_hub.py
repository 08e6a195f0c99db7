"""Exported models are loaded by their name on the hub, by the hub's own client."""

import hashlib
import http.server
import json
import threading
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest

from xlnas_jax.export.artifact.load import load
from xlnas_jax.types import CheckpointError

NAME, COMMIT = "team/topics-sw", "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What a hub answers for one model, and what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.revisions = {"main": COMMIT, "v1": COMMIT, COMMIT: COMMIT}

    def files(self) -> dict[str, int]:
        """Sizes of all that was uploaded."""
        return {
            one.relative_to(self.folder).as_posix(): one.stat().st_size
            for one in sorted(self.folder.rglob("*"))
            if one.is_file()
        }

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith(f"/api/models/{NAME}/revision/"):
            commit = self.revisions.get(path.rpartition("/")[2])
            if commit is None:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            siblings = [{"rfilename": name} for name in self.files()]
            about = {"id": NAME, "sha": commit, "siblings": siblings, "tags": []}
            return 200, {}, json.dumps(about).encode()
        if path == f"/api/models/{NAME}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "oid": "0" * 40, "size": size}
                for name, size in self.files().items()
            ]
            return 200, {}, json.dumps(tree).encode()
        start = f"/{NAME}/resolve/{COMMIT}/"
        if path.startswith(start):
            name = path.removeprefix(start)
            self.asked.append(name)
            content = (self.folder / name).read_bytes()
            tag = hashlib.sha256(content).hexdigest()
            return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"'}, content
        return 404, {"X-Error-Code": "RepoNotFound"}, b""


@pytest.fixture
def hub(path, tmp_path, monkeypatch):
    """A hub on this machine that has the exported model of `path`."""
    found = Hub(path)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, content = found.answer(self.path.partition("?")[0])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", address)
    pattern = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XLNAS_CACHE", str(tmp_path / "ours"))
    monkeypatch.chdir(tmp_path)
    yield found
    server.shutdown()
    server.server_close()


def test_it_is_the_model_that_was_uploaded_and_nothing_else_is_fetched(hub, path):
    (path / "code.py").write_text("raise SystemExit")
    (path / "onnx").mkdir()
    (path / "onnx" / "model.onnx").write_bytes(b"others load it")

    model = load(NAME)

    texts = ["Helsinki", "a longer text"]
    expected = load(path).logits_of(texts)
    for one, other in zip(model.logits_of(texts), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not {"code.py", "onnx/model.onnx"} & set(hub.asked)
    assert "manifest.json" in hub.asked


def test_it_is_read_again_where_there_is_no_network(hub, monkeypatch):
    first = load(NAME, "v1")
    count = len(hub.asked)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    again = load(NAME, "v1")

    assert len(hub.asked) == count
    assert again.labels == first.labels


def test_a_directory_wins_over_a_model_of_the_hub(hub, path, tmp_path):
    (tmp_path / "team").mkdir()
    path.rename(tmp_path / NAME)
    load(NAME)
    assert not hub.asked


@pytest.mark.parametrize(
    ("name", "revision", "match"),
    [
        ("team/another", "", r"team/another: .*the hub can deliver.*NotFound"),
        (NAME, "v2", r"topics-sw: .*the hub can deliver.*RevisionNotFound"),
        ("another", "", "no such directory"),
        ("a/b/c", "", "no such directory"),
    ],
)
def test_what_the_hub_has_not_is_one_paragraph(hub, name, revision, match):
    with pytest.raises(CheckpointError, match=match) as error:
        load(name, revision)
    assert "\n" not in str(error.value)


def test_another_librarys_model_is_refused_before_its_weights_are_fetched(hub, path):
    (path / "manifest.json").unlink()
    (path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match=r"of the hub: .*must hold config\.json"):
        load(NAME)
    assert set(hub.asked) == {"config.json"}


def test_a_file_that_is_not_what_was_listed_is_refused(hub, path):
    with (path / "tokenizer.json").open("a") as file:
        file.write("\n")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        load(NAME)
