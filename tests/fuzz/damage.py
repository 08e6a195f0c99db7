"""Ways in which a directory of files comes back other than it was written.

Each takes the directory, a folder outside it and a source of choices. With `sign` the
lists of files are written anew afterwards, as someone with an intent would.
"""

import copy
import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

Damage = Callable[[Path, Path, Random], None]
LARGE = 1 << 24
INNER, OUTER = "params/manifest.json", "manifest.json"
# What JSON can say and no entry is prepared for.
ODD = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 1e300, 10**12, 2**63, 10**400),
    *(
        "",
        " ",
        "x",
        "en",
        "..",
        "../x",
        "/etc/passwd",
        "a\0b",
        "é",
        "\x1b[31m",
        "9" * 400,
    ),
    *([], [[]], [1], ["a", "a"], [None], {}, {"a": 1}, {"": ""}),
)
RAW = (
    *("", "{", "[1]", "null", "3", '"x"', "\ufeff{}", '{"a": 1} {}', '{"a": NaN}'),
    *('{"a": Infinity}', '{"a": "\\ud800"}', '{"a": 1, "a": 2}', "[" * 100_000),
    *('{"a":' * 100_000, "9" * 100_000, '{"a": ' + "9" * 5000 + "}"),
)


def names(root: Path) -> list[str]:
    """The files of a directory."""
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def pick(root: Path, random: Random) -> Path:
    """One of the files."""
    return root / random.choice(names(root))


def truncate(root: Path, outside: Path, random: Random) -> None:
    path = pick(root, random)
    os.truncate(path, random.randrange(path.stat().st_size or 1))


def empty(root: Path, outside: Path, random: Random) -> None:
    pick(root, random).write_bytes(b"")


def delete(root: Path, outside: Path, random: Random) -> None:
    pick(root, random).unlink()


def append(root: Path, outside: Path, random: Random) -> None:
    with pick(root, random).open("ab") as file:
        file.write(random.randbytes(random.randrange(1, 20)))


def flip(root: Path, outside: Path, random: Random) -> None:
    path = pick(root, random)
    content = bytearray(path.read_bytes())
    for _ in range(random.randrange(1, 4)):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(bytes(content))


def swap(root: Path, outside: Path, random: Random) -> None:
    """One file has the content of another."""
    one, two = pick(root, random), pick(root, random)
    one.write_bytes(two.read_bytes())


def grow(root: Path, outside: Path, random: Random) -> None:
    """Far more than any memory, and nothing of it on the disk."""
    os.truncate(pick(root, random), 1 << random.randrange(33, 43))


def pipe(root: Path, outside: Path, random: Random) -> None:
    path = pick(root, random)
    if random.random() < 0.5:
        path.unlink()
    else:
        path = path.with_name("pipe")
    os.mkfifo(path)


def add(root: Path, outside: Path, random: Random) -> None:
    pick(root, random).with_name(
        random.choice(["x", ".x", "0", "descriptor"])
    ).write_bytes(random.randbytes(9))


def link(root: Path, outside: Path, random: Random) -> None:
    """The content lies elsewhere: that of a file, or of a folder."""
    path = pick(root, random)
    if path.parent != root and random.random() < 0.5:
        path = path.parent
    moved = outside / path.name
    path.rename(moved)
    path.symlink_to(moved)


def link_to_nothing_good(root: Path, outside: Path, random: Random) -> None:
    path = pick(root, random)
    path.unlink()
    path.symlink_to(random.choice(["/dev/zero", "/dev/full", "..", "x"]))


def turn_to_folder(root: Path, outside: Path, random: Random) -> None:
    path = pick(root, random)
    path.unlink()
    path.mkdir()


def write_raw(root: Path, outside: Path, random: Random) -> None:
    """JSON that is none of ours."""
    _one_json(root, random).write_text(random.choice(RAW))


def change_json(root: Path, outside: Path, random: Random) -> None:
    """Another value, one entry less, or one more, anywhere in a file of JSON."""
    path = _one_json(root, random)
    content = json.loads(path.read_text())
    text = content["content"] if {*content} == {"crc32", "content"} else ""
    inner = json.loads(text) if text else content
    for _ in range(random.randrange(1, 3)):
        _change(inner, random)
    if text:
        text = json.dumps(inner)
        inner = {"crc32": zlib.crc32(text.encode()), "content": text}
    path.write_text(json.dumps(inner))


def claim_arrays(root: Path, outside: Path, random: Random) -> None:
    """Arrays as plain files, of absurd shapes and dtypes and without any numbers."""
    folder = next(path.parent for path in root.rglob("_METADATA"))
    metadata = json.loads((folder / "_METADATA").read_text()) | {"use_ocdbt": False}
    for name in ("ocdbt.process_0", "d"):
        shutil.rmtree(folder / name)
    (folder / "manifest.ocdbt").unlink()
    sizes = [0, 1, 3, 10**6, 2**40, 2**63, -1, 10**400, None, "3", True, 2.0]
    for entry in metadata["tree_metadata"].values():
        array = folder / ".".join(one["key"] for one in entry["key_metadata"])
        array.mkdir(exist_ok=True)
        shape = [random.choice(sizes) for _ in range(random.randrange(4))]
        claim = {
            "chunks": random.choice([shape, shape, [1] * len(shape), shape[:1]]),
            "compressor": random.choice([None, None, {"id": "zstd"}, {"id": "blosc"}]),
            "dtype": random.choice(["<f4", "<f4", "<f8", "|O", "<i8", ">f4", "x", 3]),
            "fill_value": random.choice([None, 0, "NaN"]),
            **{"dimension_separator": ".", "filters": None, "order": "C"},
            **{"shape": shape, "zarr_format": random.choice([2, 2, 3, "2"])},
        }
        (array / ".zarray").write_text(json.dumps(claim))
    (folder / "_METADATA").write_text(json.dumps(metadata))


KINDS: tuple[Damage, ...] = (
    *(truncate, empty, delete, append, flip, swap, grow, pipe, add, link),
    *(link_to_nothing_good, turn_to_folder, write_raw, claim_arrays),
    *(change_json,) * 6,
)


def sign(root: Path) -> None:
    """Lists of files that fit what lies there; what is no file is left out."""
    for name, checksum in ((INNER, _crc32), (OUTER, _sha256)):
        path = root / name
        if not path.is_file() or path.stat().st_size >= LARGE:
            continue
        try:
            content = json.loads(path.read_text())
            is_inner = name == INNER
            inner = json.loads(content["content"]) if is_inner else content
            inner["files"] = {
                one: [size, checksum(path.parent / one)]
                for one in names(path.parent)
                if one != path.name
                and (size := (path.parent / one).stat().st_size) < LARGE
            }
            text = json.dumps(inner)
            signed = {"crc32": zlib.crc32(text.encode()), "content": text}
            path.write_text(json.dumps(signed if is_inner else inner))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue


def _crc32(path: Path) -> int:
    return zlib.crc32(path.read_bytes())


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _one_json(root: Path, random: Random) -> Path:
    found = [
        root / name for name in names(root) if name.endswith((".json", "METADATA"))
    ]
    return random.choice(found)


def _change(content: Any, random: Random) -> None:
    """Go down at random, and change what is there."""
    while True:
        keys = [*content] if isinstance(content, dict) else [*range(len(content))]
        if not keys:
            return
        key = random.choice(keys)
        value = content[key]
        if isinstance(value, dict | list) and value and random.random() < 0.8:
            content = value
            continue
        break
    how = random.random()
    if how < 0.15:
        del content[key]
    elif how < 0.25 and isinstance(content, dict):
        content[random.choice(["x", "", "../x", "é"])] = _odd(random, ODD)
    elif how < 0.35 and isinstance(content, list):
        content.append(_odd(random, [*content, *ODD]))
    else:
        content[key] = _odd(random, ODD)


def _odd(random: Random, values: Sequence[Any]) -> Any:
    """One of the values; its own, so that no change of it reaches another input."""
    return copy.deepcopy(random.choice(values))
