"""The database of arrays that Orbax writes, written anew: same content, same bytes.

TensorStore draws the names of its files and the database's id at random, orders values
as its threads finish, and stores when it did. Here all values lie in one file, in the
order of their keys, under one node; both are named by their content. Readers see no
difference.

References:
    TensorStore, "OCDBT: storage format".
    https://google.github.io/tensorstore/kvstore/ocdbt/index.html#storage-format
"""

import hashlib
import itertools
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorstore as ts

_MANIFEST = "manifest.ocdbt"
# As Orbax has it: values below its process's folder, the tree of all of them outside.
_VALUES, _NODES, _FILES = "ocdbt.process_0/", "d", "d/"
_MANIFEST_MAGIC, _NODE_MAGIC = 0x0CDB3A2A, 0x0CDB20DE
_UNCOMPRESSED, _OUT_OF_LINE = 0, 1
# Written into the database for whoever would add to it; nobody does.
_MAX_INLINE, _MAX_NODE, _ARITY_LOG2 = 1024, 100_000_000, 4
_POLYNOMIAL = 0x82F63B78


def open_database(folder: Path) -> ts.KvStore:
    """The keys and values of the database in a folder."""
    # TensorStore takes no path with `..` in it.
    base = {"driver": "file", "path": f"{folder.resolve()}/"}
    spec = {"driver": "ocdbt", "base": base}
    return ts.KvStore.open(spec).result()


def rewrite(folder: Path) -> None:
    """Replace the database in a folder by one of the same content."""
    old, new = open_database(folder), folder / ".new"
    keys = sorted(old.list().result())
    _write(new, keys, (old.read(key).result().value for key in keys))
    for path in (folder / _MANIFEST, *folder.glob("ocdbt.process_*"), folder / _NODES):
        path.unlink() if path.is_file() else shutil.rmtree(path)
    for path in new.iterdir():
        path.rename(folder / path.name)
    new.rmdir()


def _write(folder: Path, keys: Sequence[bytes], values: Iterable[bytes]) -> None:
    data = folder / _VALUES / _FILES
    data.mkdir(parents=True)
    (folder / _NODES).mkdir()
    lengths, digest = [], hashlib.sha256()
    with (data / "values").open("wb") as file:
        for value in values:
            file.write(value)
            digest.update(value)
            lengths.append(len(value))
    name = digest.hexdigest()[:32]
    (data / "values").rename(data / name)
    node = _node(keys, lengths, name)
    name = hashlib.sha256(node).hexdigest()[:32]
    (folder / _NODES / name).write_bytes(node)
    manifest = _manifest(len(keys), sum(lengths), name, len(node))
    (folder / _MANIFEST).write_bytes(manifest)


def _node(keys: Sequence[bytes], lengths: Sequence[int], name: str) -> bytes:
    """A tree of one leaf: every key, and where in the file of values its value is."""
    prefixes = [_num_shared(*pair) for pair in itertools.pairwise(keys)]
    suffixes = [key[start:] for key, start in zip(keys, [0, *prefixes], strict=True)]
    starts = [0, *itertools.accumulate(lengths[:-1])]
    height = b"\0"
    return _framed(
        _NODE_MAGIC,
        height
        + _file_table(_VALUES, name)
        + _varints([len(keys), *prefixes, *map(len, suffixes)])
        + b"".join(suffixes)
        + _varints(lengths)
        + bytes([_OUT_OF_LINE] * len(keys))
        + _varints([0] * len(keys) + starts),
    )


def _manifest(num_keys: int, num_bytes: int, name: str, node_length: int) -> bytes:
    """One version of the database, written at no time."""
    identity = bytes.fromhex(name)
    generation, height, file, offset, time = 1, 0, 0, 0, bytes(8)
    config = (
        identity
        + _varints([0, _MAX_INLINE, _MAX_NODE])
        + bytes([_ARITY_LOG2])
        + _varints([_UNCOMPRESSED])
    )
    version = (
        _varints([1, generation])
        + bytes([height])
        + _varints([file, offset, node_length, num_keys, node_length, num_bytes])
        + time
    )
    no_older_versions = _varints([0])
    content = config + _file_table("", name) + version + no_older_versions
    return _framed(_MANIFEST_MAGIC, content)


def _file_table(base: str, name: str) -> bytes:
    """A table of the one file that is referred to."""
    path = f"{base}{_FILES}{name}".encode()
    return _varints([1, len(path), len(base)]) + path


def _framed(magic: int, content: bytes) -> bytes:
    version = _varints([0, _UNCOMPRESSED])
    length = 4 + 8 + len(version) + len(content) + 4
    body = magic.to_bytes(4) + length.to_bytes(8, "little") + version + content
    return body + _crc32c(body).to_bytes(4, "little")


def _varints(values: Iterable[int]) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = bytearray()
    for value in values:
        while value > 127:
            found.append(value & 127 | 128)
            value >>= 7
        found.append(value)
    return bytes(found)


def _num_shared(first: bytes, second: bytes) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    shortest = min(len(first), len(second))
    return next((i for i, (a, b) in pairs if a != b), shortest)


def _crc32c(content: bytes) -> int:
    checksum = 0xFFFFFFFF
    for byte in content:
        checksum = checksum >> 8 ^ _TABLE[(checksum ^ byte) & 255]
    return checksum ^ 0xFFFFFFFF


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_remainder(byte) for byte in range(256)]
