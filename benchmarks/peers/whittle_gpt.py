"""Worker of whittle 0.6: its GPT supernet at the same shapes, batches and FLOPs.

It is a causal decoder and sizes are the same in every layer, so no outputs can be
compared: the sub-networks that it is told do as much work as the candidates.

References:
    https://github.com/whittle-org/whittle
"""

from typing import Any

import numpy as np
import torch
from litgpt import Config
from whittle.models.gpt import GPT
from worker import NUM_THREADS, Case, serve

torch.set_num_threads(NUM_THREADS)


class Decoder:
    """All sentences are one batch; nothing is scored but by a forward pass."""

    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        torch.manual_seed(0)
        shape = case.shape
        config = Config(
            block_size=case.ids.shape[1],
            n_layer=shape["num_layers"],
            n_embd=shape["width"],
            n_head=shape["num_heads"],
            intermediate_size=shape["ffn"],
            padded_vocab_size=shape["vocab_size"],
        )
        self.model = GPT(config).eval()
        self.model.apply(self.model._init_weights)
        self.sub_networks = options["sub_networks"]
        self.ids = torch.as_tensor(case.ids, dtype=torch.long)

    @torch.inference_mode()
    def work(self) -> dict[str, np.ndarray]:
        """One forward pass of every sub-network."""
        for sizes in self.sub_networks:
            self.model.select_sub_network(sizes)
            self.model(self.ids)
        return {}

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """None that could be compared."""
        return found

    def facts(self) -> dict[str, Any]:
        """The tokens that it computes."""
        return {"batch_size": len(self.ids), "token_slots": self.ids.numel()}


if __name__ == "__main__":
    serve(Decoder, ("whittle", "litgpt", "torch", "numpy"))
