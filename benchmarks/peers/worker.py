"""What every system is run by: its own process, told what to do a line at a time.

A request is one JSON object on standard input, the answer one on standard output:

    {"do": "describe"}                    versions and threads
    {"do": "load", "case": FILE, "weights": FILE, "outputs": FILE, "options": {...}}
    {"do": "run", "passes": N}            all candidates of the case, N times
    {"do": "quit"}

A process that stays alive between requests can be timed in turn with others; only
one is ever at work. This file needs NumPy alone, since peers share it.
"""

import gc
import importlib.metadata
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

NUM_THREADS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, eq=False)
class Case:
    """Weights, candidates and sentences: the same for every system.

    Attributes:
        shape: sizes of the full encoder, the fields of `EncoderShape`.
        space: choices of the elastic sizes, the fields of `SpaceConfig`.
        num_labels, num_languages: of the sentences.
        ids: token ids `sentence longest`, padded on the right.
        rows: candidates as flattened choice indices, `candidate site`.
        depth: how many layers each candidate keeps, which are the first.
        heads, ffn: its sizes, `candidate layer`.
        weights: by the names of the fields of `SupernetParams`.
    """

    shape: dict[str, Any]
    space: dict[str, Any]
    num_labels: int
    num_languages: int
    ids: np.ndarray
    length: np.ndarray
    label: np.ndarray
    language: np.ndarray
    rows: np.ndarray
    depth: np.ndarray
    heads: np.ndarray
    ffn: np.ndarray
    weights: dict[str, np.ndarray]

    @property
    def is_ragged(self) -> bool:
        """Sentences differ in length: how they are batched is each system's own."""
        return bool((self.length < self.ids.shape[1]).any())

    def sizes(self, candidate: int) -> list[tuple[int, int]]:
        """Heads and inner width of each layer that a candidate keeps."""
        kept = int(self.depth[candidate])
        heads, ffn = self.heads[candidate, :kept], self.ffn[candidate, :kept]
        return list(zip(heads.tolist(), ffn.tolist(), strict=True))

    def accuracy(self, predicted: np.ndarray) -> np.ndarray:
        """Of predictions `candidate sentence`: share that is right, by language."""
        right = predicted == self.label[None]
        by_language = [
            right[:, self.language == number].mean(1)
            for number in range(self.num_languages)
        ]
        return np.stack(by_language, axis=1)


ARRAYS = ("ids", "length", "label", "language", "rows", "depth", "heads", "ffn")


def save_case(path: Path, case: Case) -> None:
    """Writes all but the weights."""
    plain = {k: getattr(case, k) for k in ("shape", "space")}
    plain |= {k: getattr(case, k) for k in ("num_labels", "num_languages")}
    arrays = {name: getattr(case, name) for name in ARRAYS}
    np.savez(path, plain=np.asarray(json.dumps(plain)), **arrays)


def load_case(path: str, weights: str) -> Case:
    """Reads what `save_case` and `numpy.savez` of the weights wrote."""
    with np.load(path) as found, np.load(weights) as stored:
        arrays = {name: found[name] for name in ARRAYS}
        plain = json.loads(str(found["plain"]))
        return Case(**plain, **arrays, weights={k: stored[k] for k in stored.files})


class System(Protocol):
    """One way to score the candidates of a case."""

    def work(self) -> dict[str, np.ndarray]:
        """Scores every candidate: what is timed."""
        ...

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What must equal the others': `work`'s result with what it left out."""
        ...

    def facts(self) -> dict[str, Any]:
        """What a reader should know of how the case is run."""
        ...


Make = Callable[[Case, dict[str, Any]], System]


def serve(make: Make, packages: tuple[str, ...]) -> None:
    """Answers requests until told to quit or the other side is gone."""
    answers = os.fdopen(os.dup(1), "w")
    # What libraries print must not stand among the answers.
    os.dup2(2, 1)
    state: dict[str, System] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        try:
            answer = _answer(request, state, make, packages)
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(
    request: dict[str, Any], state: dict[str, System], make: Make, packages: Any
) -> dict[str, Any]:
    if request["do"] == "describe":
        return _describe(packages)
    if request["do"] == "load":
        return _load(request, state, make)
    system = state["system"]
    start, cpu_start = time.perf_counter(), time.process_time()
    for _ in range(request["passes"]):
        system.work()
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu_start,
    }


def _describe(packages: tuple[str, ...]) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "threads": NUM_THREADS,
        "packages": {name: importlib.metadata.version(name) for name in packages},
    }


def _load(
    request: dict[str, Any], state: dict[str, System], make: Make
) -> dict[str, Any]:
    """Prepares a case, works once, and saves the outputs of that."""
    state.clear()
    gc.collect()
    case = load_case(request["case"], request["weights"])
    system = make(case, request["options"])
    start = time.perf_counter()
    found = system.work()
    seconds = time.perf_counter() - start
    np.savez(request["outputs"], **system.outputs(found))
    state["system"] = system
    return {"first_seconds": seconds, **system.facts()}
