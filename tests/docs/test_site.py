"""The site is built without a warning, and read without a network."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

# What a browser fetches by itself; what a reader may follow is no part of it.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|<link\b(?![^>]*rel=[\"']?(?:canonical|alternate))[^>]*href=[\"']?(?:https?:)?//"
    r"|@import\s+[\"']?(?:url\()?[\"']?https?:|url\([\"']?https?://"
)


def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*build, "--site-dir", str(tmp_path / "site")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    names = {str(page.relative_to(tmp_path / "site")) for page in pages}
    made = {"options", "commands", "python"}
    assert {f"reference/{name}.html" for name in made} <= names
    assert {"index.html", "guides/own-data.html", "contributing.html"} <= names
    files = [*pages, *(tmp_path / "site").rglob("*.css")]
    assert [file for file in files if FETCHED.search(file.read_text("utf-8"))] == []
    # Signatures and docstrings of the calls are on their page.
    calls = (tmp_path / "site" / "reference" / "python.html").read_text("utf-8")
    for told in ("skip_bad_rows", "Writes a point of a finished search", "FinishedRun"):
        assert told in calls


def test_what_would_be_fetched_is_found() -> None:
    for text in (
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        "a { background: url(https://x.example/a.png) }",
    ):
        assert FETCHED.search(text)
    for text in (
        '<a href="https://example.org">read</a>',
        '<link rel="canonical" href="https://example.org/">',
        '<script src="assets/x.js"></script>',
    ):
        assert not FETCHED.search(text)
