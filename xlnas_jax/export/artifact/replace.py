"""Puts a finished directory in the place of an older one, in one step.

Linux exchanges the names of two directories at once, so that a kill at any instant
leaves one of them whole under the name. Where the system or the file system cannot do
that, the older one is renamed away first; a kill between the two renames leaves it
beside the name, and the next export puts it back.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from xlnas_jax.files import open_regular, sync

# Lies in every temporary directory of ours, and is locked while its process lives.
MARK = "xlnas-export"
NEW, OLD = "new", "old"
_SUFFIX = r"-[a-z0-9_]{8}"
_HERE, _EXCHANGE = -100, 2
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


@contextlib.contextmanager
def room_beside(path: Path) -> Iterator[Path]:
    """A new directory on the same file system, deleted at the end.

    What killed exports to the same path left is deleted first.
    """
    for leftover in _leftovers(path):
        _tidy(leftover, path)
    room = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        with (room / MARK).open("x") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            yield room
    finally:
        _remove(room)


def put(room: Path, path: Path) -> None:
    """Give the directory `room / NEW` its name; what had it before is in the room."""
    if not os.path.lexists(path):
        os.rename(room / NEW, path)
    else:
        try:
            exchange(room / NEW, path)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            _swap(room, path)
    sync(path.parent)


def exchange(first: Path, second: Path) -> None:
    """Exchange two names in one step.

    Raises:
        OSError: they are as they were; of `ENOSYS` where the system cannot do it.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    names = os.fsencode(first), os.fsencode(second)
    if rename(_HERE, names[0], _HERE, names[1], _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _swap(room: Path, path: Path) -> None:
    """The same in two steps; what was there comes back if the second fails."""
    os.rename(path, room / OLD)
    try:
        os.rename(room / NEW, path)
    except OSError:
        os.rename(room / OLD, path)
        raise


def _leftovers(path: Path) -> list[Path]:
    """Directories that an export to that path made, whether it lives or not."""
    name = re.compile(re.escape(f".{path.name}") + _SUFFIX)
    with os.scandir(path.parent) as entries:
        found = [
            Path(entry.path)
            for entry in entries
            if name.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    return [one for one in found if {*os.listdir(one)} <= {MARK, NEW, OLD}]


def _tidy(room: Path, path: Path) -> None:
    """Delete what a killed export left, if it was one of ours."""
    if not os.listdir(room):
        room.rmdir()
        return
    with contextlib.suppress(OSError), open_regular(room / MARK, follow=False) as mark:
        # Fails where the export that made it is still at work.
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_whole = (room / OLD).is_dir() and not (room / OLD).is_symlink()
        if is_whole and not os.path.lexists(path):
            os.rename(room / OLD, path)
        _remove(room)


def _remove(room: Path) -> None:
    """The mark goes last: what is left of a killed removal is still known as ours.

    It comes back where threads of an export that was interrupted go on writing.
    """
    for name in (NEW, OLD):
        if (room / name).is_symlink():
            (room / name).unlink()
        shutil.rmtree(room / name, ignore_errors=True)
    if any(os.path.lexists(room / name) for name in (NEW, OLD)):
        return
    with contextlib.suppress(OSError):
        os.unlink(room / MARK)
    try:
        os.rmdir(room)
    except OSError:
        with contextlib.suppress(OSError):
            (room / MARK).touch(exist_ok=False)
