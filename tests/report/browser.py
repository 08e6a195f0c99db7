"""A page in a real browser: what it is asked to do, and what it says came of it.

The page is served from this machine, in a frame as wide as is asked for, with two
scripts beside its own: one that catches errors, and one that tries things and sends
what it found back. So no driver is needed, and the clock is the real one.
"""

import functools
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import threading
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
SECONDS = 120
CATCH = """<script>
window.faults = [];
addEventListener("error", (event) => faults.push(String(event.message)));
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
for (const level of ["error", "warn"]) {
  console[level] = (...said) => faults.push(said.map(String).join(" "));
}
</script>"""
ASK = """<script>
(async () => {
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const drawn = () => document.documentElement.dataset.drawn === "true";
  for (let n = 0; n < 600 && !drawn() && !faults.length; n++) await sleep(100);
  const found = {};
  try { found.tried = await (TRY)(); } catch (error) { faults.push(String(error)); }
  const root = document.documentElement;
  found.overflow = root.scrollWidth - root.clientWidth;
  found.width = root.clientWidth;
  found.faults = faults;
  parent.postMessage(JSON.stringify(found), "*");
})();
</script>"""
FRAME = """<!doctype html><body style="margin:0"><script>
addEventListener("message", (event) =>
  fetch("/found", { method: "POST", body: event.data }));
</script><iframe src="/page" style="border:0;width:%dpx;height:2400px"></iframe>"""


def ask(page: pathlib.Path, width: int, script: str, profile: pathlib.Path) -> Any:
    """What a function of JavaScript, `async () => ...`, returns within the page.

    Beside it in the answer: `faults` that the console was told of, and by how many
    pixels the page is wider than its window, `overflow`.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    text = page.read_text("utf-8")
    text = text.replace("<head>", f"<head>{CATCH}", 1)
    own, end, rest = text.rpartition("</body>")
    text = own + ASK.replace("TRY", script) + end + rest
    answers: queue.Queue[str] = queue.Queue()
    handler = functools.partial(_Handler, text, FRAME % width, answers)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        size = f"--window-size={max(width, 500)},2400"
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", size]
        browser = subprocess.Popen(
            [*command, "--remote-debugging-port=0", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return json.loads(answers.get(timeout=SECONDS))
        finally:
            browser.terminate()
            browser.wait(timeout=20)
            server.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, page, frame, answers, *rest, **named):
        self.page, self.frame, self.answers = page, frame, answers
        super().__init__(*rest, **named)

    def do_GET(self) -> None:
        text = {"/": self.frame, "/page": self.page}.get(self.path)
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((text or "").encode())

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.answers.put(self.rfile.read(length).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *rest: Any) -> None:
        """Says nothing: the output is the tests'."""
