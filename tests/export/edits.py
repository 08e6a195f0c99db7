"""Changes of an artifact that its list of files agrees to."""

import json

from xlnas_jax.export.artifact.contents import write_contents


def resign(path) -> None:
    """List what lies there now, as someone with an intent would."""
    (path / "manifest.json").unlink()
    write_contents(path)


def edit(path, **changes) -> None:
    file = path / "config.json"
    content = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps(content))
    resign(path)


def drop(path, name: str) -> None:
    file = path / "config.json"
    content = json.loads(file.read_text())
    del content[name]
    file.write_text(json.dumps(content))
    resign(path)
