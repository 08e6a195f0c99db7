"""How many requests a second does a server answer, to 16 clients and to one?

A quarter of an encoder of multilingual-e5-small's shape, with new weights and a small
vocabulary, behind HTTP on loopback. Each request has one text. Beside it the same
network as a class of transformers, called by its pipeline behind the same server. What
is answered to 16 clients is held against what one alone is told, and memory against
what it was before.

    python -m benchmarks.speed.serving --out benchmarks/results/serving.json
"""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import arguments, ratios, summary
from benchmarks.reporting import at_least, at_most, report
from benchmarks.speed.forms import E5, TOY, make_networks
from xlnas_jax.export.forms.registry import FORMS
from xlnas_jax.export.predicting.classes import Prediction
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.serve.access import Access
from xlnas_jax.serve.limits import Limits
from xlnas_jax.serve.listen import Place, bind, listen
from xlnas_jax.serve.log import Log
from xlnas_jax.serve.model import Served
from xlnas_jax.serve.serving import Serving

CLIENTS = 16
NETWORK = "1/4"
OURS, PIPELINE = "xlnas serve", "transformers pipeline"
# Of a probability, between batches of other sizes: other orders of the same sums.
CLOSE = 1e-5
# Megabytes that allocators keep, however many requests there were.
FLAT_MB = 64.0


class Told(NamedTuple):
    """What clients were told: seconds in all, of each request, and the answers."""

    seconds: float
    latencies: list[float]
    answers: list[dict[str, Any]]


def main() -> None:
    """Asks both servers in turn, with one client and with many."""
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=400, help="of every run")
    given = parser.parse_args()
    sizes = TOY if given.quick else E5
    requests = min(given.requests, 32) if given.quick else given.requests
    repeats = min(given.repeats, 2) if given.quick else given.repeats
    subnet = make_networks(sizes)["1/2" if given.quick else NETWORK].subnet
    texts = make_texts(requests)
    with tempfile.TemporaryDirectory() as room, contextlib.ExitStack() as stack:
        servers = {
            OURS: Served("model", subnet, Limits()),
            PIPELINE: Piped("model", subnet, Limits(), Path(room) / "hf"),
        }
        ports = {
            name: stack.enter_context(started(one)) for name, one in servers.items()
        }
        result = compared(ports, texts, repeats)
    report(given.out, __doc__, result)


def compared(
    ports: dict[str, int], texts: Sequence[str], repeats: int
) -> dict[str, Any]:
    """Requests a second of each server, and what its answers have in common."""
    alone = {name: ask(port, texts, 1) for name, port in ports.items()}
    runs: dict[tuple[str, int], list[Told]] = {}
    before = resident_mb()
    for _ in range(repeats):
        for name, port in ports.items():
            for clients in (1, CLIENTS):
                told = ask(port, texts, clients)
                runs.setdefault((name, clients), []).append(told)
    growth = resident_mb() - before
    rates = {key: [len(texts) / t.seconds for t in own] for key, own in runs.items()}
    many, one = rates[OURS, CLIENTS], rates[OURS, 1]
    gain, over = ratios(many, one), ratios(many, rates[PIPELINE, CLIENTS])
    apart = max(
        difference(told.answers, alone[name].answers)
        for (name, _), own in runs.items()
        for told in own
    )
    rows = [
        {
            "server": name,
            "clients": clients,
            "requests_per_second": summary(rates[name, clients]),
            "latency_ms": spread([s for t in own for s in t.latencies]),
        }
        for (name, clients), own in runs.items()
    ]
    return {
        "requests": len(texts),
        "servers": rows,
        "many_over_one": gain,
        "many_over_pipeline": over,
        "largest_difference": apart,
        "growth_mb": growth,
        "bars": [
            at_least(f"requests of {CLIENTS} clients over one's", 1.5, gain["median"]),
            at_least("the same over the pipeline's", 1.0, over["median"]),
            at_most("difference of a probability to one alone", CLOSE, apart),
            at_most("megabytes kept of all requests", FLAT_MB, growth),
        ],
    }


def make_texts(num: int) -> list[str]:
    """Of few words to many, as they come from people; the same ones each time."""
    rng = np.random.default_rng(0)
    words = ["river", "город", "stadt", "ville", "mji", "old", "new", "people"]
    counts = np.minimum(rng.geometric(0.08, num), 60)
    return [" ".join(rng.choice(words, count)) for count in counts]


@contextlib.contextmanager
def started(served: Served) -> Iterator[int]:
    """The port of a server of one model, until it is left."""
    serving = Serving([served], served.limits)
    found = bind(Place("127.0.0.1", 0))
    port = found.getsockname()[1]
    given = serving, found, Access([]), Log(lambda _: None)
    thread = threading.Thread(target=listen, args=given)
    thread.start()
    try:
        served.batcher.ready.result()
        yield port
    finally:
        serving.gate.close()
        thread.join()


def ask(port: int, texts: Sequence[str], clients: int) -> Told:
    """Every text as a request of its own, by clients that each wait for an answer."""
    numbers = itertools.count()
    answers: dict[int, dict[str, Any]] = {}
    latencies: dict[int, float] = {}

    def client(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        with contextlib.closing(connection):
            while (number := next(numbers)) < len(texts):
                start = time.perf_counter()
                body = json.dumps({"texts": [texts[number]]})
                connection.request("POST", "/predict", body)
                content = json.loads(connection.getresponse().read())
                (answers[number],) = content["predictions"]
                latencies[number] = time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    seconds = time.perf_counter() - start
    order = range(len(texts))
    return Told(seconds, [latencies[n] for n in order], [answers[n] for n in order])


def difference(
    found: Sequence[dict[str, Any]], alone: Sequence[dict[str, Any]]
) -> float:
    """The largest of any probability of any text."""
    return max(
        abs(one["scores"][label] - score)
        for one, other in zip(found, alone, strict=True)
        for label, score in other["scores"].items()
    )


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds of half of the requests, and of nearly all."""
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}


def resident_mb() -> float:
    """Memory of this process, which holds servers and clients."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Piped(Served):
    """The same network behind the same server, called as transformers' users do."""

    def __init__(self, name: str, subnet: Subnet, limits: Limits, folder: Path) -> None:
        import transformers

        super().__init__(name, subnet, limits)
        FORMS["hf"].write(subnet, folder)
        self._pipeline = transformers.pipeline(
            "text-classification", model=str(folder), top_k=None
        )

    def _warm_up(self) -> None:
        self._pipeline(["a text"])

    async def _predict(
        self, ask: object, write: Callable[[list[Any]], bytes], texts: Sequence[Any]
    ) -> bytes:
        def run() -> bytes:
            found = []
            for scores in self._pipeline(list(texts), truncation=True):
                by_label = {one["label"]: one["score"] for one in scores}
                best = max(by_label, key=by_label.__getitem__)
                found.append(Prediction(best, by_label[best], by_label))
            return write(found)

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)


if __name__ == "__main__":
    main()
