"""Bytes that devices send each other, read from a compiled program's text.

Of every collective the bytes of its operands on one device are counted; where its
groups have one member, nothing is sent. What stands in a loop counts as often as the
compiler says the loop runs, of the branches of a conditional the costliest counts.
"""

import math
import re
from typing import NamedTuple

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
    "collective-broadcast",
    "ragged-all-to-all",
)
BITS = {"pred": 8, "token": 0, "opaque": 0}
_ARRAY = re.compile(r"\b([a-z]+\d*(?:e\d+m\d+\w*)?)\[([\d,]*)\]")
_LINE = re.compile(r"^\s*(?:ROOT )?%?([\w.-]+) = (.*)$")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.-]+) .*\{$")
_OPERATION = re.compile(r"(?:^|\s)([a-z][\w-]*)\(")
_NAME = re.compile(r"%([\w.-]+)")
_CALLED = re.compile(r"(?:calls|to_apply|body|true_computation)=%?([\w.-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


class Traffic(NamedTuple):
    """What one device sends while a program runs once.

    Attributes:
        bytes: by kind of collective.
        num: how many collectives, by kind.
        is_complete: False where one stands in a loop whose length is not known.
    """

    bytes: dict[str, int]
    num: dict[str, int]
    is_complete: bool

    @property
    def total(self) -> int:
        """Of all kinds."""
        return sum(self.bytes.values())


NOTHING = Traffic({}, {}, True)


class _Operation(NamedTuple):
    kind: str
    shape: str
    operands: list[str]
    text: str


def traffic(hlo: str) -> Traffic:
    """Of the entry computation of a module, as `compiled.as_text()` gives it."""
    computations, entry = _parse(hlo)
    found: dict[str, Traffic] = {}

    def of(name: str) -> Traffic:
        if name not in found:
            operations = computations.get(name, {})
            found[name] = _sum([_one(op, operations, of) for op in operations.values()])
        return found[name]

    return of(entry)


def array_bytes(shape: str) -> int:
    """Bytes of an array's or a tuple's type, as HLO writes it."""
    return sum(
        _bits(dtype) * math.prod(int(n) for n in sizes.split(",") if n) // 8
        for dtype, sizes in _ARRAY.findall(shape)
    )


def _bits(dtype: str) -> int:
    if dtype in BITS:
        return BITS[dtype]
    digits = re.search(r"\d+", dtype)
    if digits is None:
        raise ValueError(f"an HLO type must have a size; got {dtype!r}")
    return int(digits.group())


def _parse(hlo: str) -> tuple[dict[str, dict[str, _Operation]], str]:
    """Operations of each computation by name, and which computation is entered."""
    computations: dict[str, dict[str, _Operation]] = {}
    current, entry = "", ""
    for line in hlo.splitlines():
        header = _HEADER.match(line)
        if header and " = " not in line.split("{")[0]:
            current = header.group(2)
            computations[current] = {}
            entry = current if header.group(1) else entry
            continue
        named = _LINE.match(line)
        if named and current:
            name, rest = named.groups()
            computations[current][name] = _operation(rest)
    return computations, entry


def _operation(text: str) -> _Operation:
    """Type, kind and operands; the type of a tuple has brackets of its own."""
    start = _closing(text, 0) if text.startswith("(") else 0
    kind = _OPERATION.search(text, start)
    if kind is None:
        return _Operation("", text, [], text)
    end = _closing(text, kind.end() - 1)
    operands = _NAME.findall(text[kind.end() : end])
    return _Operation(kind.group(1), text[: kind.start(1)], operands, text)


def _closing(text: str, start: int) -> int:
    """Position of the bracket that closes the one at `start`."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if not depth:
            return position
    return len(text)


def _one(operation: _Operation, operations: dict[str, _Operation], of) -> Traffic:
    """What one operation sends, and what it calls."""
    kind = operation.kind.removesuffix("-start")
    if kind in COLLECTIVES and _group_size(operation.text) > 1:
        size = sum(
            array_bytes(operations[name].shape)
            for name in operation.operands
            if name in operations
        )
        return Traffic({kind: size}, {kind: 1}, True)
    branches = _BRANCHES.search(operation.text)
    if branches:
        names = [name.strip().lstrip("%") for name in branches.group(1).split(",")]
        return max((of(name) for name in names), key=lambda found: found.total)
    called = _sum([of(name) for name in _CALLED.findall(operation.text)])
    if operation.kind != "while":
        return called
    trips = _TRIPS.search(operation.text)
    times = int(trips.group(1)) if trips else 1
    is_complete = called.is_complete and (trips is not None or not called.num)
    return Traffic(
        {kind: times * value for kind, value in called.bytes.items()},
        {kind: times * value for kind, value in called.num.items()},
        is_complete,
    )


def _group_size(text: str) -> int:
    """Members of a collective's first group, in any of the three notations."""
    named = re.search(r"replica_groups=\w*mesh\[([^\]]*)\]\s*\{([^}]*)\}", text)
    if named:
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", named.group(1)))
        return math.prod(int(sizes[a]) for a in re.findall(r"'([^']+)'", named[2]))
    listed = re.search(r"replica_groups=\{\{([\d,]*)\}", text)
    if listed:
        return len(listed.group(1).split(","))
    counted = re.search(r"replica_groups=\[([\d,]+)\]<=", text)
    if counted:
        return int(counted.group(1).split(",")[-1])
    # No groups: all devices; pairs of a permutation: those of two different ones.
    pairs = re.findall(r"\{(\d+),(\d+)\}", text.partition("source_target_pairs=")[2])
    return 2 if not pairs or any(a != b for a, b in pairs) else 1


def _sum(parts: list[Traffic]) -> Traffic:
    found: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for part in parts:
        for total, own in zip(found, (part.bytes, part.num), strict=True):
            for kind, value in own.items():
                total[kind] = total.get(kind, 0) + value
    return Traffic(*found, all(part.is_complete for part in parts))
