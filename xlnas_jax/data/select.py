"""Fewer, drawn or joined examples of any kind, with a report that accounts for all."""

import dataclasses
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Int

from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    PairExamples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.questions import rows_passed
from xlnas_jax.types import DataError

AnyKind = TypeVar("AnyKind", bound=AnyExamples)
_PER_EXAMPLE = {
    Examples: ("ids", "texts", "labels", "pairs"),
    TaggedExamples: ("ids", "words", "tags"),
    QuestionExamples: ("ids", "questions", "contexts", "answers"),
    PairExamples: ("ids", "texts", "translations"),
}


def settled(examples: AnyKind, faults: Faults) -> AnyKind:
    """The same examples; rows that never became one are in the report, too.

    A reader rejects malformed rows, and leaves out those that are known to be
    unusable, before there are examples to count.
    """
    kept = len(examples)
    report = faults.report(kept + rows_passed(faults), kept)
    return dataclasses.replace(examples, report=report)


def limited(examples: AnyKind, limit: int | None) -> AnyKind:
    """At most `limit` examples, in file order: those whose ids hash lowest.

    What is chosen depends on ids alone, so parallel data stays parallel.
    """
    if limit is None or len(examples) <= limit:
        return examples
    hashes = [zlib.crc32(name.encode()) for name in examples.ids]
    order = sorted(range(len(examples)), key=lambda i: (hashes[i], examples.ids[i]))
    chosen = take(examples, np.array(sorted(order[:limit]), np.int64))
    report = examples.report
    report = dataclasses.replace(
        report, kept=limit, limited=report.limited + len(examples) - limit
    )
    return dataclasses.replace(chosen, report=report)


def take(examples: AnyKind, positions: Int[np.ndarray, " taken"]) -> AnyKind:
    """Examples at some positions; the report stays as it is."""
    return dataclasses.replace(
        examples,
        **{
            name: _pick(getattr(examples, name), positions)
            for name in _PER_EXAMPLE[type(examples)]
        },
    )


def drawn(examples: AnyKind, count: int, seed: int) -> AnyKind:
    """So many examples at random, in file order; classes in their share of all.

    What is drawn depends on the seed, the language and the examples alone. Of what the
    shares leave over, the classes that lack most get one more each.
    """
    rng = np.random.default_rng([seed, zlib.crc32(examples.language.encode())])
    order = rng.permutation(len(examples))
    if isinstance(examples, Examples):
        labels = examples.labels[order]
        quotas = _shares(np.bincount(labels), count)
        own = [order[labels == n][:quota] for n, quota in enumerate(quotas)]
        order = np.concatenate(own)
    return take(examples, np.sort(order[:count]))


def _shares(sizes: Int[np.ndarray, " label"], count: int) -> Int[np.ndarray, " label"]:
    """`count` divided in proportion to sizes, by largest remainders."""
    exact = count * sizes / sizes.sum()
    quotas = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(quotas - exact, kind="stable")
    quotas[order[: count - int(quotas.sum())]] += 1
    return quotas


def _pick(values: object, positions: Int[np.ndarray, " taken"]) -> object:
    if isinstance(values, np.ndarray):
        return values[positions]
    return tuple(values[i] for i in positions) if isinstance(values, tuple) else values


def joined(parts: Sequence[AnyExamples], names: Sequence[str]) -> AnyExamples:
    """Parts of one kind, language and split, one after another.

    Where several are given, each id has its part's name before it.

    Raises:
        DataError: some hold pairs of texts and others do not, or contexts differ in
            language.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    _require_alike(parts, names)
    fields = {
        name: _concatenated([getattr(part, name) for part in parts])
        for name in _PER_EXAMPLE[type(first)]
    }
    fields["ids"] = tuple(
        f"{name}/{given}"
        for name, part in zip(names, parts, strict=True)
        for given in part.ids
    )
    report = parts[0].report
    for part in parts[1:]:
        report += part.report
    return dataclasses.replace(first, **fields, report=report)


def appended(first: AnyKind, second: AnyKind) -> AnyKind:
    """All of one and then all of another; ids, and the report of the first, stay."""
    names = _PER_EXAMPLE[type(first)]
    fields = {
        n: _concatenated([getattr(one, n) for one in (first, second)]) for n in names
    }
    return dataclasses.replace(first, **fields)


def numbered(names: Sequence[str]) -> list[str]:
    """The same names; a second one of the same name is numbered."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name}-{seen[name]}" if seen[name] > 1 else name)
    return found


def _require_alike(parts: Sequence[AnyExamples], names: Sequence[str]) -> None:
    """Raise `DataError` unless all examples have the same form."""
    forms = {name: _form(part) for name, part in zip(names, parts, strict=True)}
    if len(set(forms.values())) > 1:
        listed = ", ".join(f"{name}: {form}" for name, form in forms.items())
        raise DataError(
            f"data.parts: all must hold the same in {parts[0].language!r}; got "
            f"{listed}. Remove a part, or its language."
        )


def _form(examples: AnyExamples) -> str:
    if isinstance(examples, Examples):
        return "single texts" if examples.pairs is None else "pairs of texts"
    if isinstance(examples, QuestionExamples):
        return f"contexts in {examples.context_language}"
    if isinstance(examples, PairExamples):
        return "translations"
    return "tagged words"


def _concatenated(values: Sequence) -> object:
    if values[0] is None:
        return None
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    return tuple(item for value in values for item in value)
