"""The ONNX graph with weights in 8 bits: a quarter of the bytes.

Matrices of the layers by ONNX Runtime's own quantiser, a scale for every column and
activations scaled as they come; the word table with a scale for every row, which the
quantiser does not know. The head stays in float32: it is small, and its outputs are
what is read.

References:
    Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", 2018. https://arxiv.org/abs/1712.05877
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

from xlnas_jax.export.forms import onnx as onnx_form
from xlnas_jax.export.forms.base import Form
from xlnas_jax.export.subnet import Subnet

# As transformers.js and `optimum` call it.
FILE = "model_quantized.onnx"
# Outputs may differ by so much of the largest: far less than those of another network.
SHARE = 0.25


def write(subnet: Subnet, folder: Path) -> None:
    """The graph in 8 bits alone."""
    onnx_form.write_around(subnet, folder)
    with tempfile.TemporaryDirectory(dir=folder) as room:
        whole = Path(room) / onnx_form.FILE
        model = onnx_form.save(subnet, whole, int8_words=True)
        quantise(model, whole, folder / onnx_form.FOLDER / FILE)


def quantise(model: Any, whole: Path, file: Path) -> None:
    """Weights of products in 8 bits, but for those of the head.

    Args:
        model: the graph that stands in `whole`.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    head = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1].startswith(("head.", "pool."))
    ]
    logger = logging.getLogger()
    level = logger.level
    # It advises another of its own steps first, which would change names of nodes.
    logger.setLevel(logging.ERROR)
    try:
        quantize_dynamic(
            whole,
            file,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=head,
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        logger.setLevel(level)


FORM = Form(
    name="onnx-int8",
    loaded_by="onnxruntime",
    modules=onnx_form.MODULES,
    advice=onnx_form.ADVICE,
    refuse=onnx_form.refuse,
    write=write,
    run=lambda folder, *given: onnx_form.run_file(folder, FILE, *given),
    share=SHARE,
    open=lambda folder, subnet: onnx_form.open_file(folder, FILE, subnet),
    shares_words=True,
)
