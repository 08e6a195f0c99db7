"""Sub-networks of whittle that do as much work as our candidates.

Its sizes are the same in every layer: it gets each candidate's depth, the nearest
number of heads to their mean, and the inner width that makes up the FLOPs.
"""

from typing import Any

import numpy as np
from worker import Case

# Inner widths that matrix products like.
MULTIPLE = 8


def flops_per_token(
    case: Case, depth: int, heads: int, ffn: int, length: int | None = None
) -> int:
    """Of whittle's decoder: fused projections, attention, two maps, output layer.

    Attention is counted over all tokens, though a causal one needs half of that.
    """
    shape = case.shape
    length = case.ids.shape[1] if length is None else length
    width, inner = shape["width"], heads * shape["head_dim"]
    layer = 4 * width * inner + 2 * length * inner + 2 * width * ffn
    return 2 * (depth * layer + width * shape["vocab_size"])


def sub_networks(
    case: Case, flops: np.ndarray
) -> tuple[list[dict[str, Any]], list[float]]:
    """What `select_sub_network` takes, and each one's FLOPs over its candidate's.

    Args:
        flops: of each candidate, on all sentences.
    """
    found, ratios = [], []
    for candidate, wanted in enumerate(flops / case.length.sum()):
        sizes = case.sizes(candidate)
        heads = round(float(np.mean([heads for heads, _ in sizes])))
        per_neuron = flops_per_token(case, len(sizes), heads, 1) - flops_per_token(
            case, len(sizes), heads, 0
        )
        missing = wanted - flops_per_token(case, len(sizes), heads, 0)
        ffn = MULTIPLE * round(missing / per_neuron / MULTIPLE)
        ffn = min(max(ffn, MULTIPLE), case.shape["ffn"])
        width = case.shape["width"]
        # It multiplies the ratio by the width again and cuts off the fraction.
        ratio = (ffn + 0.5) / width
        found.append(
            {
                "embed_dim": width,
                "num_heads": heads,
                "mlp_ratio": ratio,
                "depth": len(sizes),
            }
        )
        ratios.append(flops_per_token(case, len(sizes), heads, ffn) / wanted)
    return found, ratios
