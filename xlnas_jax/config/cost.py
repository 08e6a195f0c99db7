"""What is counted, for which input, and how much of it there may be."""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.ranges import HUGE, MANY, at_least, positive
from xlnas_jax.config.tokens import MAX_TOKENS

# Forms of export that have layers at their own sizes, so that every choice counts.
DiskForm = Literal["flax", "onnx", "onnx-int8"]


@dataclass(frozen=True)
class ConstraintsConfig:
    """Hard upper limits; absent means no limit.

    Attributes:
        params: parameters of the exported network.
        encoder_params: the same without embeddings and task head.
        flops: floating-point operations of one sentence of `cost.length` tokens.
        memory_bytes: weights and activations of a batch of such sentences.
        latency_ms: milliseconds of such a batch on the machine at hand, measured on
            the exported form.
        disk_mb: millions of bytes of the network as it is exported in the form
            `cost.disk_form`, embeddings and tokenizer included.
        divergence: nats by which predictions on unlabelled text are, in the mean over
            languages, apart from the full network's; unlike costs it is known only
            once a candidate is scored, which is then dropped if it is over.
        drop: of error, in every auxiliary language, beyond that of the full network:
            at 0.05 none may lose more than five points. Known as late as divergence.
    """

    params: float | None = None
    encoder_params: float | None = None
    flops: float | None = None
    memory_bytes: float | None = None
    latency_ms: float | None = None
    disk_mb: float | None = None
    divergence: float | None = None
    drop: float | None = None

    def __post_init__(self) -> None:
        positive(self, "params", "encoder_params", "flops", "memory_bytes", most=HUGE)
        positive(self, "latency_ms", "disk_mb", "divergence")
        positive(self, "drop", most=1)

    @property
    def of_scores(self) -> dict[str, float]:
        """Limits on what is known only once a candidate is scored, by name."""
        given = {"divergence": self.divergence, "drop": self.drop}
        return {name: limit for name, limit in given.items() if limit is not None}


@dataclass(frozen=True)
class CostConfig:
    """The input that FLOPs and memory are counted and latency is measured for.

    And the form of export that bytes on disk are counted of.

    Attributes:
        latency_networks: sub-networks that latency is measured on before a search
            that it takes part in. A model is fitted to half of them and judged by
            the others.
        disk_form: what `disk_mb` is counted of, as a limit or an objective; `flax` is
            the model itself, with weights in `export.dtype`.
    """

    length: int = 64
    batch_size: int = 1
    latency_networks: int = 48
    disk_form: DiskForm = "onnx-int8"

    def __post_init__(self) -> None:
        at_least(self, 1, "length", "batch_size", most=MAX_TOKENS)
        at_least(self, 4, "latency_networks", most=MANY)
