"""As `sentence-transformers` loads it: encoder, pooling, vectors of length 1.

References:
    Reimers & Gurevych, "Sentence-BERT", 2019. https://arxiv.org/abs/1908.10084
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.export.forms import hugging_face
from xlnas_jax.export.forms.base import Form, Outputs
from xlnas_jax.export.forms.hugging_face import write_json
from xlnas_jax.export.subnet import Subnet

# Poolings that the library has, by the name of its option.
MODES = {
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "cls": "pooling_mode_cls_token",
}
_MODULES = "sentence_transformers.models"


def refuse(subnet: Subnet) -> str | None:
    """What the layout cannot hold."""
    if subnet.task != "retrieval":
        return f"it is for {subnet.task}, and gives no vectors"
    if subnet.pooling not in MODES:
        return f"there is no {subnet.pooling} pooling there"
    return hugging_face.refuse(subnet)


def write(subnet: Subnet, folder: Path) -> None:
    """The encoder as `transformers` has it, and the modules after it."""
    hugging_face.write(subnet, folder)
    write_modules(subnet, folder)


def write_modules(subnet: Subnet, folder: Path) -> None:
    """What comes after the encoder: pooling, length 1; and what before a text."""
    names = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": n, "name": str(n), "path": f"{n}_{name}" if n else "", "type": kind}
        for n, name in enumerate(names)
        for kind in (f"{_MODULES}.{name}",)
    ]
    (folder / "2_Normalize").mkdir()
    write_json(folder / "2_Normalize" / "config.json", {})
    (folder / "1_Pooling").mkdir()
    pooling: dict[str, Any] = {
        "word_embedding_dimension": subnet.shape.width,
        "include_prompt": True,
        **{option: mode == subnet.pooling for mode, option in MODES.items()},
    }
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "modules.json", modules)
    most = {"max_seq_length": subnet.max_length, "do_lower_case": False}
    write_json(folder / "sentence_bert_config.json", most)
    settings: dict[str, Any] = {"similarity_fn_name": "cosine"}
    if subnet.tokenizer.prefix:
        settings |= {
            "prompts": {"text": subnet.tokenizer.prefix},
            "default_prompt_name": "text",
        }
    write_json(folder / "config_sentence_transformers.json", settings)


def run(folder: Path, subnet: Subnet, texts: Sequence[str], size: int) -> Outputs:
    """Vectors, with the prompt that is the default."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    found = model.encode(list(texts), batch_size=size, show_progress_bar=False)
    return list(np.asarray(found))


FORM = Form(
    name="sentence-transformers",
    loaded_by="sentence-transformers",
    modules=("torch", "sentence_transformers"),
    advice="pip install 'xlnas-jax[hf]'",
    refuse=refuse,
    write=write,
    run=run,
)
