"""What lies in a directory of arrays that Orbax wrote, known before it is read.

Shapes and dtypes are small files of their own. They are held against what the files
of numbers can hold, so that no claim allocates more memory than there is content.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorstore as ts

from xlnas_jax.files import MAX_BYTES, parse_json
from xlnas_jax.storage.database import open_database
from xlnas_jax.storage.listing import damaged, one_line, read_listed_json
from xlnas_jax.types import CheckpointError, brief

METADATA = "_METADATA"
# `bfloat16` and its like are NumPy's by the package that JAX brings.
_DTYPE = re.compile(
    r"[<|][biufc][1-9]\d?|u?int\d{1,2}|b?float\d\w{1,20}|complex\d+|bool"
)
_MAX_AXES = 32
# How TensorStore's errors begin, and those that content is to blame for.
_CODE = re.compile(r"([A-Z_]+): ")
_DAMAGE = (
    *("DATA_LOSS", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND"),
    *("OUT_OF_RANGE", "UNIMPLEMENTED"),
)
# Zstandard writes 128 KiB as four bytes at best.
_MOST_COMPRESSED = 1 << 15


class Stored(NamedTuple):
    """One array.

    Attributes:
        key: where its parts are, in the database or as a folder.
        is_compressed: as versions before this one wrote it.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype
    is_compressed: bool

    @property
    def num_bytes(self) -> int:
        """Of its numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


class Arrays:
    """The arrays of one directory.

    Attributes:
        stored: each of them by name, parts of names between slashes.
    """

    def __init__(self, directory: Path, num_bytes: int) -> None:
        """Reads what is said of the arrays.

        Args:
            num_bytes: of all files together.

        Raises:
            DamagedError: it is malformed, or more than so many bytes can hold.
        """
        self._directory = directory
        content = read_listed_json(directory, METADATA, MAX_BYTES)
        try:
            keys = _parse_keys(content)
            self._store = self._open(content["use_ocdbt"])
            self.stored = {name: self._describe(key) for name, key in keys.items()}
        except (ValueError, RuntimeError) as error:
            raise self._explain(error) from error
        for name, one in self.stored.items():
            most = num_bytes * (_MOST_COMPRESSED if one.is_compressed else 1)
            if one.num_bytes > most:
                claim = f"{brief(name)} is said to have shape {list(one.shape)}"
                raise damaged(directory, f"{claim}; its files cannot hold that")

    def read(self) -> dict[str, np.ndarray]:
        """The numbers."""
        return {name: self._read(one) for name, one in self.stored.items()}

    def _open(self, is_database: bool) -> ts.KvStore:
        if is_database:
            return open_database(self._directory)
        path = f"{self._directory.resolve()}/"
        return ts.KvStore.open({"driver": "file", "path": path}).result()

    def _describe(self, key: str) -> Stored:
        found = self._store.read(f"{key}/.zarray").result()
        if found.state != "value":
            raise ValueError(f"it lacks the array {brief(key)}")
        return _parse_array(key, parse_json(found.value.decode()))

    def _read(self, one: Stored) -> np.ndarray:
        spec = {
            "driver": "zarr",
            "kvstore": (self._store / f"{one.key}/").spec().to_json(),
            "fill_missing_data_reads": False,
        }
        try:
            found = ts.open(spec, open=True).result().read().result()
        except (ValueError, RuntimeError) as error:
            raise self._explain(error) from error
        return np.asarray(found)

    def _explain(self, error: Exception) -> CheckpointError:
        """Damage, unless TensorStore says that it could not read for now."""
        reason = one_line(error)
        code = _CODE.match(reason)
        if code is None or code[1] in _DAMAGE:
            return damaged(self._directory, reason)
        return CheckpointError(f"{self._directory}: cannot be read: {reason}")


def _parse_keys(content: Mapping[str, Any]) -> dict[str, str]:
    """By name, the key of every array."""
    if content.get("use_zarr3") is not False or "use_ocdbt" not in content:
        raise ValueError(f"{METADATA} must be of zarr's second version")
    if not isinstance(content["use_ocdbt"], bool):
        raise ValueError(f"{METADATA}: use_ocdbt must be true or false")
    tree = content.get("tree_metadata")
    if not isinstance(tree, dict):
        raise ValueError(f"{METADATA}: tree_metadata must list the arrays")
    found = {}
    for entry in tree.values():
        match entry:
            case {
                "key_metadata": [*parts],
                "value_metadata": {"value_type": "np.ndarray"},
            } if all(_is_part(part) for part in parts):
                keys = [part["key"] for part in parts]
                found["/".join(keys)] = ".".join(keys)
            case _:
                raise ValueError(f"{METADATA} must name arrays; got {brief(entry)}")
    if len(found) < len(tree) or len({*found.values()}) < len(tree):
        raise ValueError(f"{METADATA} names an array twice")
    return found


def _is_part(part: Any) -> bool:
    key = part.get("key") if isinstance(part, dict) else None
    return isinstance(key, str) and not {"/", "\0"} & {*key}


def _parse_array(key: str, content: Any) -> Stored:
    """What `.zarray` says: an array in one piece, as Orbax writes it."""
    match content:
        case {
            "zarr_format": 2,
            "dtype": str() as dtype,
            "shape": shape,
            "chunks": chunks,
            "order": "C",
            "filters": None,
            "compressor": None | {"id": "zstd"} as compressor,
        } if shape == chunks:
            shape, dtype = parse_shape(shape), parse_dtype(dtype)
            return Stored(key, shape, dtype, compressor is not None)
    raise ValueError(
        f"the array {brief(key)} must be in one piece and compressed by zstd or not at "
        f"all; got {brief(content)}"
    )


def parse_shape(content: Any) -> tuple[int, ...]:
    """A shape, as JSON has it.

    Raises:
        ValueError: it is none.
    """
    is_list = isinstance(content, list) and len(content) <= _MAX_AXES
    if not is_list or not all(
        type(size) is int and 0 <= size < 1 << 40 for size in content
    ):
        raise ValueError(f"a shape must be a list of counts; got {brief(content)}")
    return tuple(content)


def parse_dtype(content: Any) -> np.dtype:
    """The dtype of a name that NumPy, JAX or zarr gives it.

    Raises:
        ValueError: it is none of numbers.
    """
    if isinstance(content, str) and _DTYPE.fullmatch(content):
        try:
            return np.dtype(content)
        except TypeError:
            pass
    raise ValueError(f"a dtype must be one of numbers; got {brief(content)}")
