"""Worker of a plain PyTorch loop: each candidate by slices of the shared weights.

What a careful user of PyTorch would write: weights are sliced as views, attention
is the fused one, nothing keeps gradients, and no mask is made where no sentence is
padded. One candidate after another, one batch after another. On a GPU the weights are
there, in the precision asked for, and nothing is waited for before the end.
"""

import time
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from worker import NUM_THREADS, Case, serve

torch.set_num_threads(NUM_THREADS)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Feed(NamedTuple):
    """One batch, padded to its own longest sentence, and where its rows stand."""

    ids: torch.Tensor
    mask: torch.Tensor | None
    rows: torch.Tensor


def make_feeds(case: Case, batch_size: int) -> list[Feed]:
    """Batches of each language in the order of its sentences, as a loader makes."""
    feeds = []
    for language in range(case.num_languages):
        own = np.flatnonzero(case.language == language)
        for first in range(0, len(own), batch_size):
            rows = own[first : first + batch_size]
            longest = int(case.length[rows].max())
            length = torch.as_tensor(case.length[rows])
            mask = torch.arange(longest)[None] < length[:, None]
            feeds.append(
                Feed(
                    torch.as_tensor(case.ids[rows, :longest], dtype=torch.long),
                    None if mask.all() else mask[:, None, None, :],
                    torch.as_tensor(rows),
                )
            )
    return feeds


class Layer(NamedTuple):
    """Weights of one layer as `torch.nn.functional.linear` takes them."""

    query: tuple[torch.Tensor, torch.Tensor]
    key: tuple[torch.Tensor, torch.Tensor]
    value: tuple[torch.Tensor, torch.Tensor]
    output: tuple[torch.Tensor, torch.Tensor]
    attention_norm: tuple[torch.Tensor, torch.Tensor]
    up: tuple[torch.Tensor, torch.Tensor]
    down: tuple[torch.Tensor, torch.Tensor]
    ffn_norm: tuple[torch.Tensor, torch.Tensor]


def _as_linear(kernel: np.ndarray, bias: np.ndarray, num_inputs: int):
    """Kernel with inputs first, over any axes, to `outputs inputs` and its bias."""
    flat = kernel.reshape(num_inputs, -1)
    weight = torch.as_tensor(np.ascontiguousarray(flat.T))
    return weight, torch.as_tensor(bias.reshape(-1).copy())


class TorchLoop:
    """The encoder, its head, and the loop over candidates and batches.

    Options: `batch_sizes` to try where sentences differ in length; `device` as PyTorch
    names it, the CPU without; `precision`, of weights and activations.
    """

    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        self.case = case
        self.device = torch.device(options.get("device", "cpu"))
        self.dtype = DTYPES[options.get("precision", "fp32")]
        shape, weights = case.shape, case.weights
        self.epsilon, self.width = shape["norm_epsilon"], shape["width"]
        self.head_dim = shape["head_dim"]
        self.start = shape["position_offset"]
        tensor = {k: self._place(torch.as_tensor(v)) for k, v in weights.items()}
        self.word = tensor["encoder.embeddings.word"]
        self.position = tensor["encoder.embeddings.position"]
        self.segment = tensor["encoder.embeddings.segment"][0]
        self.norm = self._norm(tensor, "encoder.embeddings.norm")
        self.layers = [self._layer(i) for i in range(shape["num_layers"])]
        self.dense, self.output = (
            self._linear(weights[f"{n}.kernel"], weights[f"{n}.bias"], self.width)
            for n in ("head.hidden", "head.output")
        )
        sizes = options["batch_sizes"] if case.is_ragged else [len(case.ids)]
        self.feeds = self._fastest(sizes)

    def _place(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype)

    def _linear(self, kernel: np.ndarray, bias: np.ndarray, num_inputs: int):
        return tuple(map(self._place, _as_linear(kernel, bias, num_inputs)))

    def _norm(self, tensor: dict[str, torch.Tensor], name: str):
        return tensor[f"{name}.scale"], tensor[f"{name}.bias"]

    def _layer(self, number: int) -> Layer:
        def own(name: str) -> np.ndarray:
            return self.case.weights[f"encoder.layers.{name}"][number]

        def linear(name: str, num_inputs: int):
            return self._linear(own(f"{name}.kernel"), own(f"{name}.bias"), num_inputs)

        def norm(name: str):
            parts = [torch.as_tensor(own(f"{name}.{k}")) for k in ("scale", "bias")]
            return tuple(map(self._place, parts))

        width, ffn = self.width, self.case.shape["ffn"]
        inner = self.case.shape["num_heads"] * self.head_dim
        return Layer(
            query=linear("query", width),
            key=linear("key", width),
            value=linear("value", width),
            output=linear("output", inner),
            attention_norm=norm("attention_norm"),
            up=linear("up", width),
            down=linear("down", ffn),
            ffn_norm=norm("ffn_norm"),
        )

    def _fastest(self, batch_sizes: list[int]) -> list[Feed]:
        """Of several batch sizes, the one that scores all candidates fastest."""
        seconds = {}
        for size in batch_sizes:
            self.feeds, self.batch_size = self._feeds(size), size
            times = []
            for _ in range(3 if len(batch_sizes) > 1 else 0):
                start = time.perf_counter()
                self.work()
                times.append(time.perf_counter() - start)
            seconds[size] = min(times, default=0.0)
        self.batch_size = min(seconds, key=seconds.__getitem__)
        return self._feeds(self.batch_size)

    def _feeds(self, size: int) -> list[Feed]:
        return [
            Feed(*(part if part is None else part.to(self.device) for part in feed))
            for feed in make_feeds(self.case, size)
        ]

    def _attend(self, x: torch.Tensor, layer: Layer, heads: int, mask: Any):
        inner = heads * self.head_dim

        def project(part: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
            y = F.linear(x, part[0][:inner], part[1][:inner])
            return y.unflatten(-1, (heads, self.head_dim)).transpose(1, 2)

        query, key, value = map(project, (layer.query, layer.key, layer.value))
        y = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        y = y.transpose(1, 2).flatten(2)
        y = F.linear(y, layer.output[0][:, :inner], layer.output[1])
        return F.layer_norm(x + y, (self.width,), *layer.attention_norm, self.epsilon)

    def _feed_forward(self, x: torch.Tensor, layer: Layer, ffn: int):
        y = F.gelu(F.linear(x, layer.up[0][:ffn], layer.up[1][:ffn]))
        y = F.linear(y, layer.down[0][:, :ffn], layer.down[1])
        return F.layer_norm(x + y, (self.width,), *layer.ffn_norm, self.epsilon)

    def logits(self, feed: Feed, sizes: list[tuple[int, int]]) -> torch.Tensor:
        """One candidate on one batch."""
        seq = feed.ids.shape[1]
        position = self.position[self.start : self.start + seq]
        x = self.word[feed.ids] + position + self.segment
        x = F.layer_norm(x, (self.width,), *self.norm, self.epsilon)
        for layer, (heads, ffn) in zip(self.layers, sizes, strict=False):
            x = self._attend(x, layer, heads, feed.mask)
            x = self._feed_forward(x, layer, ffn)
        return F.linear(torch.tanh(F.linear(x[:, 0], *self.dense)), *self.output)

    @torch.inference_mode()
    def work(self) -> dict[str, np.ndarray]:
        """Logits of every candidate and sentence, and accuracies from them."""
        case = self.case
        size = (len(case.depth), len(case.label), case.num_labels)
        logits = torch.empty(size, dtype=self.dtype, device=self.device)
        for candidate in range(len(case.depth)):
            sizes = case.sizes(candidate)
            for feed in self.feeds:
                logits[candidate, feed.rows] = self.logits(feed, sizes)
        found = logits.float().cpu().numpy()
        return {"logits": found, "accuracy": case.accuracy(found.argmax(-1))}

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Nothing is left out."""
        return found

    def facts(self) -> dict[str, Any]:
        """The batch size that it was fastest with, and the tokens that it computes."""
        slots = sum(feed.ids.numel() for feed in self.feeds)
        return {"batch_size": self.batch_size, "token_slots": slots}


if __name__ == "__main__":
    serve(TorchLoop, ("torch", "numpy"))
