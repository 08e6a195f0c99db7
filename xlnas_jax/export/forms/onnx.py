"""As ONNX Runtime, `optimum` and transformers.js load it: layers at their own sizes.

FOLDER/config.json, tokenizer.json ...   as `transformers` has them
FOLDER/onnx/model.onnx                   the graph, with its weights

References:
    https://onnx.ai
    https://huggingface.co/docs/transformers.js, whose layout of folders it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.export.forms.base import Call, Form, Outputs
from xlnas_jax.export.forms.hugging_face import (
    class_config,
    class_inputs,
    full_sizes,
    run_texts,
    write_json,
    write_tokenizer,
)
from xlnas_jax.export.forms.sentence_transformers import MODES, write_modules
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.supernet.stages.registry import stages_with

FOLDER, FILE = "onnx", "model.onnx"
ADVICE = "pip install 'xlnas-jax[onnx]'"
MODULES = ("onnx", "onnxruntime", "transformers")
# One file of the format holds 2 GiB at most; beyond, weights lie beside it.
_MOST_BYTES = (1 << 31) - (1 << 24)


def refuse(subnet: Subnet) -> str | None:
    """What no graph is written of, or none that runs."""
    from xlnas_jax.export.onnx_graph.stages import writer_of

    if subnet.own_heads:
        return "a language has an output layer of its own"
    if subnet.dtype == "bf16":
        return "its weights are bf16, of which there are no products there on a CPU"
    for number, size in enumerate(map(dict, subnet.weights.sizes), 1):
        for stage in stages_with(size):
            if writer_of(stage) is None:
                return f"layer {number} has {stage.name}, which has no nodes there"
    return None


def write(subnet: Subnet, folder: Path) -> None:
    """The graph in float32."""
    write_around(subnet, folder)
    save(subnet, folder / FOLDER / FILE)


def write_around(subnet: Subnet, folder: Path) -> None:
    """All but the graph: what libraries read beside it."""
    (folder / FOLDER).mkdir(parents=True)
    write_json(folder / "config.json", class_config(subnet, full_sizes(subnet)))
    write_tokenizer(subnet, folder)
    if subnet.task == "retrieval" and subnet.pooling in MODES:
        write_modules(subnet, folder)


def save(subnet: Subnet, file: Path, int8_words: bool = False) -> Any:
    """Writes the graph, and returns it; `int8_words` as of `make_model`."""
    import onnx

    from xlnas_jax.export.onnx_graph.network import make_model

    model = make_model(subnet, int8_words)
    is_large = model.ByteSize() > _MOST_BYTES
    onnx.save_model(
        model,
        file,
        save_as_external_data=is_large,
        location=f"{file.name}_data" if is_large else None,
    )
    onnx.checker.check_model(file)
    return model


def open_file(folder: Path, file: str, subnet: Subnet) -> Call:
    """The graph of a file on arrays, in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / FOLDER / file)

    def call(tokens: Any, segments: Any, length: Any) -> np.ndarray:
        inputs = class_inputs(subnet, tokens, segments, length)
        given = session.run(None, inputs)
        found = [np.asarray(one) for one in given]
        if subnet.task == "qa":
            return np.stack(found, axis=-1)
        # Of a network that gives vectors the first output is those of the tokens.
        return found[-1]

    return call


def run_file(
    folder: Path, file: str, subnet: Subnet, texts: Sequence[str], size: int
) -> Outputs:
    """The graph of a file on texts."""
    call = open_file(folder, file, subnet)
    return run_texts(call, folder, subnet, texts, size)


FORM = Form(
    name="onnx",
    loaded_by="onnxruntime",
    modules=MODULES,
    advice=ADVICE,
    refuse=refuse,
    write=write,
    run=lambda folder, *given: run_file(folder, FILE, *given),
    open=lambda folder, subnet: open_file(folder, FILE, subnet),
    shares_words=True,
)
