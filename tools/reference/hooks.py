"""Adds to the site what is made of the package, whenever it is built."""

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.reference.commands import commands_page  # noqa: E402
from tools.reference.options import options_page  # noqa: E402


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages that no file of `docs/` holds."""
    made = {
        "reference/options.md": options_page(),
        "reference/commands.md": commands_page(),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    return files
