"""Exported models of the Hugging Face hub: the files that their own list names.

CACHE/models/ORGANISATION--NAME/COMMIT/   plain copies, since a model has no links

CACHE is the folder of `storage/cache.py`. What was downloaded is kept by the hub's own
cache too, and is read from there where there is no network.
"""

import glob
import os
import re
import shutil
import tempfile
from pathlib import Path

from xlnas_jax.export.artifact.contents import LIST, read_contents
from xlnas_jax.export.artifact.manifest import FILE
from xlnas_jax.export.forms.registry import own_files
from xlnas_jax.storage.cache import cache_folder
from xlnas_jax.supernet.hub import reason_of
from xlnas_jax.types import CheckpointError

_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def find(directory: str | Path, revision: str = "") -> Path:
    """A directory as it is given; or, where there is none, that of a hub's model.

    Raises:
        CheckpointError: it could be the name of one, and the hub does not deliver it.
    """
    path = Path(directory).expanduser()
    is_id = _ID.fullmatch(str(directory)) is not None
    return delivered(str(directory), revision) if is_id and not path.exists() else path


def delivered(name: str, revision: str = "") -> Path:
    """The directory of an exported model that the hub has.

    Forms for other libraries are not downloaded: these load them by the same name.

    Args:
        name: `organisation/name`.
        revision: branch, tag or commit; the main branch where it is empty.

    Raises:
        CheckpointError: neither the hub nor its local cache has such a model, or what
            it has is none of ours, or cannot be copied.
    """
    try:
        # Of the commit that the list is of; the branch may go on meanwhile.
        listed = _snapshot(name, revision, (FILE, LIST))
        found = cache_folder() / "models" / name.replace("/", "--") / listed.name
        if os.path.lexists(found):
            return found
        with tempfile.TemporaryDirectory() as room:
            plain = Path(room)
            _copy(
                listed, plain, [one for one in (FILE, LIST) if (listed / one).exists()]
            )
            entries = read_contents(plain)
        files = own_files(entries)
        whole = _snapshot(name, listed.name, files)
        _keep(whole, found, [*files, LIST])
    except CheckpointError as error:
        raise CheckpointError(f"{name} of the hub: {error}") from error
    # The hub's errors and those of its HTTP client have no common base.
    except Exception as error:
        raise CheckpointError(
            f"{name}: must be a directory, or an exported model that the hub can "
            f"deliver; there is no such directory, and got {reason_of(error)}. Check "
            f"the name, the revision and the network."
        ) from error
    return found


def _snapshot(name: str, revision: str, files: tuple[str, ...] | list[str]) -> Path:
    """The hub's own directory of a commit, with links to those files of it."""
    from huggingface_hub import snapshot_download

    patterns = [glob.escape(file) for file in files]
    return Path(
        snapshot_download(name, revision=revision or None, allow_patterns=patterns)
    )


def _keep(source: Path, folder: Path, files: list[str]) -> None:
    """Copy into a new directory, which is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as room:
        new = Path(room) / "model"
        _copy(source, new, files)
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was not quicker
                raise


def _copy(source: Path, folder: Path, files: list[str]) -> None:
    """What the links of the hub's cache lead to, by the same names."""
    for name in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
