"""What is counted while a server runs, in Prometheus' text format."""

import functools
from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import Response

from xlnas_jax.serve.batcher import Ran
from xlnas_jax.serve.drift import Observed
from xlnas_jax.serve.front import Noted
from xlnas_jax.serve.model import Served

# Seconds: from a text on an accelerator to a full queue on a slow machine.
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
SIZES = tuple(1 << n for n in range(11))
# Where a request named no model, or none that there is.
NO_MODEL = "none"


class Counts:
    """Counters of one server, in a registry of its own.

    Labels have few values: addresses are written as the server has them, and models
    are those that it serves.
    """

    def __init__(self, models: Sequence[Served]) -> None:
        self.registry = CollectorRegistry()
        to = {"registry": self.registry, "namespace": "xlnas"}
        self._requests = Counter(
            "requests",
            "Requests by address, model and status.",
            ["path", "model", "code"],
            **to,
        )
        self._seconds = Histogram(
            "request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["path"],
            buckets=SECONDS,
            **to,
        )
        self._texts = Counter(
            "texts", "Texts of requests that were answered.", ["model"], **to
        )
        self._batch_rows = Histogram(
            "batch_rows", "Rows that ran together.", ["model"], buckets=SIZES, **to
        )
        self._batch_seconds = Histogram(
            "batch_seconds", "What a batch took.", ["model"], buckets=SECONDS, **to
        )
        queue = Gauge(
            "queue_texts", "Texts accepted and not yet answered.", ["model"], **to
        )
        waiting = Gauge(
            "waiting_rows", "Rows that no batch has taken yet.", ["model"], **to
        )
        ready = Gauge("ready", "1 once all programs are compiled.", ["model"], **to)
        for one in models:
            queue.labels(one.name).set_function(lambda one=one: one.accepted)
            waiting.labels(one.name).set_function(lambda one=one: one.batcher.waiting)
            ready.labels(one.name).set_function(lambda one=one: one.is_ready)
            one.note_batch = functools.partial(self._note_batch, one.name)
            self._texts.labels(one.name)

        self._observed = Counter(
            "observed",
            "Texts, or of tags words, by what they were like.",
            ["model", "quantity", "bin"],
            **to,
        )
        index = Gauge(
            "drift_psi",
            "Population stability index of the last texts beside those of the run.",
            ["model", "quantity"],
            **to,
        )
        for one in models:
            if one.drift is not None:
                one.note_texts = functools.partial(self._note_texts, one.name)
                for quantity in one.drift.quantities:
                    now = functools.partial(one.drift.index, quantity)
                    index.labels(one.name, quantity).set_function(now)

    def _note_texts(self, name: str, seen: Sequence[Observed]) -> None:
        for one in seen:
            for quantity, bins in one.items():
                for chosen in bins:
                    self._observed.labels(name, quantity, chosen).inc()

    def note(self, request: Noted) -> None:
        """Counts a request that is over."""
        model = request.model or NO_MODEL
        self._requests.labels(request.path, model, str(request.status)).inc()
        self._seconds.labels(request.path).observe(request.seconds)
        if request.model and request.status == 200:
            self._texts.labels(request.model).inc(request.texts)

    def _note_batch(self, name: str, ran: Ran) -> None:
        self._batch_rows.labels(name).observe(ran.rows)
        self._batch_seconds.labels(name).observe(ran.seconds)

    async def show(self, request: Request) -> Response:
        """`/metrics`."""
        text = generate_latest(self.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)
