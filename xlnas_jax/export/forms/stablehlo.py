"""As any JAX loads it, without this package: StableHLO with a symbolic batch.

FOLDER/model.stablehlo          `jax.export.deserialize(bytes).call(tokens, segments,
                                length)`, weights included
FOLDER/config.json              names and axes of what it takes and gives
FOLDER/tokenizer.json ...       as `transformers` has them

References:
    https://docs.jax.dev/en/latest/export/export.html
    https://openxla.org/stablehlo
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.forms.base import Call, Form, Outputs
from xlnas_jax.export.forms.hugging_face import write_json, write_tokenizer
from xlnas_jax.export.predicting.chunks import run_chunks
from xlnas_jax.export.rounding import narrowed, widened
from xlnas_jax.export.subnet import Subnet

FILE = "model.stablehlo"
# One program for each; none of them has to be here when it is written.
PLATFORMS = ("cpu", "cuda", "tpu")
_AXES = {
    "classification": ["batch", "label"],
    "tagging": ["batch", "seq", "label"],
    "qa": ["batch", "seq", "start and end"],
    "retrieval": ["batch", "model"],
}


def refuse(subnet: Subnet) -> str | None:
    """What has no such form."""
    if subnet.own_heads:
        return "a language has an output layer of its own"
    return None


def write(subnet: Subnet, folder: Path) -> None:
    """The program for any number of texts, of any length that the network takes."""
    folder.mkdir(parents=True)
    # An axis that is sliced out of the positions is none longer than they are.
    most = subnet.shape.max_length
    batch, seq = export.symbolic_shape("batch, seq", constraints=[f"seq <= {most}"])
    held = narrowed(subnet.weights, subnet.dtype)

    def apply(tokens: Any, segments: Any, length: Any) -> Any:
        # Of fewer bits in the file; all is computed in float32.
        weights = widened(jax.tree.map(jnp.asarray, held))
        given = weights, subnet.shape, subnet.pooling
        return apply_subnet(*given, tokens, segments, length)

    tokens = jax.ShapeDtypeStruct((batch, seq), jnp.int32)
    length = jax.ShapeDtypeStruct((batch,), jnp.int32)
    made = export.export(jax.jit(apply), platforms=PLATFORMS)(tokens, tokens, length)
    (folder / FILE).write_bytes(made.serialize())
    config = {
        "task": subnet.task,
        "labels": list(subnet.labels),
        "pooling": subnet.pooling,
        "prefix": subnet.tokenizer.prefix,
        "pad_token_id": subnet.tokenizer.pad_id,
        "max_length": subnet.max_length,
        "inputs": {
            "tokens": ["batch", "seq"],
            "segments": ["batch", "seq"],
            "length": ["batch"],
        },
        "output": _AXES[subnet.task],
        "platforms": list(PLATFORMS),
    }
    write_json(folder / "config.json", config)
    write_tokenizer(subnet, folder)


def open_folder(folder: Path, subnet: Subnet) -> Call:
    """The program on arrays; every shape of them is a compilation."""
    del subnet
    called = export.deserialize(bytearray((folder / FILE).read_bytes())).call
    return jax.jit(called)


def run(folder: Path, subnet: Subnet, texts: Sequence[str], size: int) -> Outputs:
    """The same of texts, by the tokenizer of `transformers`."""
    import transformers

    # Compiled by JAX, it takes arrays of JAX as well.
    call: Any = open_folder(folder, subnet)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    given = [subnet.tokenizer.prefix + text for text in texts]
    found = tokenizer(given, truncation=True, max_length=subnet.max_length)
    encodings = [Encoding(ids, [0] * len(ids)) for ids in found["input_ids"]]
    # Padded as predictions are, to few shapes.
    rows = run_chunks(call, encodings, size, subnet.max_length, subnet.tokenizer.pad_id)
    return [
        np.asarray(row if row.ndim == 1 else row[: len(one.ids)])
        for row, one in zip(rows, encodings, strict=True)
    ]


FORM = Form(
    name="stablehlo",
    loaded_by="jax.export",
    # What this package needs itself is enough.
    modules=(),
    advice="",
    refuse=refuse,
    write=write,
    run=run,
    open=open_folder,
    shares_words=True,
)
