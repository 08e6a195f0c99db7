"""A model directory with more rows: every tensor as it was, and those of new pieces."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from xlnas_jax.data.tokens.extending import Extended
from xlnas_jax.data.tokens.published import masking_id, require_agreement
from xlnas_jax.export.artifact.replace import NEW, put, room_beside
from xlnas_jax.export.forms.hugging_face import save_tokenizer, write_json
from xlnas_jax.files import sync
from xlnas_jax.pretraining.extending.methods import Shares, mixed
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.families.registry import FAMILIES
from xlnas_jax.supernet.names import CONFIG, WEIGHTS
from xlnas_jax.supernet.pretrained import read_config
from xlnas_jax.supernet.tensors import FLOATS, Checkpoint, open_checkpoint

# Which model it was made of, and how.
FACTS = "extension.json"
CARD = "README.md"
# Texts, and characters of each, that `transformers` must cut as we do.
_COMPARED = 100


def save_extended(
    path: Path,
    folder: Path,
    shape: EncoderShape,
    extended: Extended,
    shares: Shares,
    texts: list[str],
    facts: Mapping[str, Any],
) -> None:
    """Writes the directory, all of it or nothing, once `transformers` cuts texts alike.

    Args:
        folder: of the model that it is made of, which stays as it is.
        shape: of that.
    """
    with room_beside(path) as room:
        new = room / NEW
        new.mkdir()
        _write_weights(new, folder, shape, extended, shares, facts["seed"])
        _write_config(new, folder, shape, extended)
        mask_id = masking_id(folder, extended.tokenizer.backend)
        save_tokenizer(extended.tokenizer, shape.reads_segments, new, mask_id)
        compared = [text[:_COMPARED] for text in texts[:_COMPARED]]
        require_agreement(extended.tokenizer.backend, new, compared)
        write_json(new / FACTS, facts)
        _write_card(new, folder, facts)
        sync(new)
        put(room, path)


def _write_config(
    new: Path, folder: Path, shape: EncoderShape, extended: Extended
) -> None:
    config = dict(read_config(folder))
    key = FAMILIES[shape.family].key("vocab_size")
    config[key] = extended.first + len(extended.pieces)
    config.pop("torch_dtype", None)
    config["dtype"] = "float32"
    write_json(new / CONFIG, config)


def _write_weights(
    new: Path,
    folder: Path,
    shape: EncoderShape,
    extended: Extended,
    shares: Shares,
    seed: int,
) -> None:
    family = FAMILIES[shape.family]
    checkpoint = open_checkpoint(folder, family)
    by_piece = {checkpoint.name(r) for r in (family.embeddings[0], *family.decoder)}
    found = {}
    for name, (file, inside) in checkpoint.stored.items():
        tensor = _read(checkpoint, file, inside)
        if name in by_piece:
            tensor = _with_rows(tensor, extended, shares, seed)
        found[inside] = tensor
    save_file(found, new / WEIGHTS, metadata={"format": "pt"})


def _with_rows(
    tensor: np.ndarray, extended: Extended, shares: Shares, seed: int
) -> np.ndarray:
    """Behind the rows that have pieces; rows behind those are of no use to anybody."""
    old = tensor[: extended.first]
    rows = mixed(shares, old.reshape(len(old), -1), seed)
    return np.concatenate([old, rows.reshape(-1, *old.shape[1:])])


def _read(checkpoint: Checkpoint, file: Path, inside: str) -> np.ndarray:
    """In float32, whatever floats it is stored in; all else as it is."""
    with safe_open(file, framework="np") as opened:
        dtype = opened.get_slice(inside).get_dtype()
    # NumPy itself has no bfloat16; JAX brings one.
    with safe_open(file, framework="flax" if dtype == "BF16" else "np") as opened:
        tensor = np.asarray(opened.get_tensor(inside))
    return tensor.astype(np.float32) if dtype in FLOATS else tensor


def _write_card(new: Path, folder: Path, facts: Mapping[str, Any]) -> None:
    """What stood there, its licence among it, and what was done since."""
    if (folder / CARD).is_file():
        shutil.copyfile(folder / CARD, new / CARD)
    by = ", ".join(f"{count:,} {name}" for name, count in facts["by"].items())
    with (new / CARD).open("a", encoding="utf-8") as card:
        card.write(
            f"\n\n## Vocabulary\n\n{facts['pieces']:,} pieces were added to "
            f"{facts['before']:,} (`xlnas extend`), learnt from "
            f"{facts['texts']:,} texts. Their rows are mixtures of old ones ({by}); "
            f"nothing was trained since.\n"
        )
