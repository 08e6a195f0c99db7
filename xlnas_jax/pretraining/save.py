"""The pretrained network as `transformers` loads it, its head for masked tokens too.

So it is read by a search (`model: {kind: pretrained, path: DIR}`) as any checkpoint is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors.numpy import save_file

from xlnas_jax.export.artifact.replace import NEW, put, room_beside
from xlnas_jax.export.forms.hugging_face import (
    config_of,
    joined,
    save_tokenizer,
    stored_leaf,
    write_json,
)
from xlnas_jax.files import sync
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.pretraining.model import Start
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, axis_sizes
from xlnas_jax.supernet.names import CONFIG, WEIGHTS

# What was learnt from, by which losses, and how the curves went.
FACTS = "pretraining.json"


def save_pretrained(
    path: Path, start: Start, params: PretrainParams, facts: Mapping[str, Any]
) -> None:
    """Writes the directory, all of it or nothing.

    Args:
        params: on the host, or on one device.
    """
    with room_beside(path) as room:
        folder = room / NEW
        folder.mkdir()
        _write(folder, start, params, facts)
        sync(folder)
        put(room, path)


def _write(
    folder: Path, start: Start, params: PretrainParams, facts: Mapping[str, Any]
) -> None:
    shape = start.shape
    is_local = [number in shape.local_layers for number in range(shape.num_layers)]
    config = config_of(shape, "ForMaskedLM", is_local, shape.ffn)
    config["tie_word_embeddings"] = params.head.decoder is None
    write_json(folder / CONFIG, config)
    found = tensors(start, params)
    save_file(found, folder / WEIGHTS, metadata={"format": "pt"})
    mask_id = start.masks.mask_id
    save_tokenizer(start.tokenizer, shape.reads_segments, folder, mask_id)
    write_json(folder / FACTS, facts)


def tensors(start: Start, params: PretrainParams) -> dict[str, np.ndarray]:
    """Every tensor by its name in a checkpoint."""
    family, sizes = start.family, axis_sizes(start.shape)
    weights = jax.tree.map(np.asarray, params)
    encoder, head = weights.encoder, weights.head
    found: dict[str, list[np.ndarray]] = {}

    def add(rule: Rule, tree: Any, layer: int = 0) -> None:
        if layer >= rule.first:
            name, tensor = stored_leaf(rule, tree, sizes, family.prefix, layer)
            found.setdefault(name, []).append(tensor)

    for rule in family.embeddings:
        add(rule, encoder.embeddings)
    for rule in family.final:
        add(rule, encoder.final_norm)
    for number in range(start.shape.num_layers):
        own = jax.tree.map(lambda leaf, at=number: leaf[at], encoder.layers)
        for rule in family.layer:
            add(rule, own, number)
    for rule in family.mlm:
        add(rule, getattr(head, rule.target.split(".")[0]))
    for rule in _outputs(family, head.decoder is None):
        add(rule, getattr(head, rule.target))
    return joined(found)


def _outputs(family: Family, is_tied: bool) -> tuple[Rule, ...]:
    """Of the head's output; one that is tied has a bias alone.

    Of an untied one both biases are stored, as `transformers` does.
    """
    kernel, own_bias, shared_bias = family.decoder
    rules = (shared_bias,) if is_tied else (kernel, own_bias, shared_bias)
    # Of some families both biases are one tensor.
    return tuple(dict.fromkeys(rules))
