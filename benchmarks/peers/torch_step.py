"""A weight step of the full network in PyTorch: loss, gradients, clipping, AdamW.

What a careful user of PyTorch would write: master weights in float32, bfloat16 by
autocast, the fused optimizer where there is one. Without dropout, as what it is timed
beside.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch_loop import TorchLoop
from worker import Case

LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM = 2e-5, 0.01, 1.0


class TorchStep:
    """The loop's encoder at full size with its weights as parameters."""

    def __init__(self, case: Case, device: str, precision: str) -> None:
        self.loop = TorchLoop(case, {"device": device, "batch_sizes": [len(case.ids)]})
        (self.feed,) = self.loop.feeds
        shape = case.shape
        self.sizes = [(shape["num_heads"], shape["ffn"])] * shape["num_layers"]
        self.label = torch.as_tensor(case.label, device=device, dtype=torch.long)
        self.weights = [
            tensor.requires_grad_()
            for tensor in _tensors(
                [
                    *(self.loop.word, self.loop.position, self.loop.segment),
                    *(self.loop.norm, self.loop.layers),
                    *(self.loop.dense, self.loop.output),
                ]
            )
        ]
        self.autocast = torch.autocast(
            torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"
        )
        self.optimizer = torch.optim.AdamW(
            self.weights, LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )

    def run(self) -> float:
        """One step; waits for the weights, as reading the loss does not."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            logits = self.loop.logits(self.feed, self.sizes)
        loss = F.cross_entropy(logits.float(), self.label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP_NORM)
        self.optimizer.step()
        if loss.is_cuda:
            torch.cuda.synchronize(loss.device)
        return float(loss)


def _tensors(tree: Any) -> list[torch.Tensor]:
    """The leaves of tuples and lists."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [leaf for part in tree for leaf in _tensors(part)]
