"""Import of checkpoints in Hugging Face's format, whatever their family.

    directory = resolve("FacebookAI/xlm-roberta-base")
    shape = read_shape(directory)
    encoder = load_encoder(directory, shape)

Weights are only ever read from safetensors. What may be wrong with a checkpoint is
found here; behind this door its weights are trusted.
"""

import dataclasses
import functools
import pathlib
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.files import read_json
from xlnas_jax.space.shape import FROM_PADDING, ROTARY, EncoderShape
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, Sizes, axis_sizes
from xlnas_jax.supernet.families.registry import FAMILIES, family_of
from xlnas_jax.supernet.locate import resolve
from xlnas_jax.supernet.names import CONFIG
from xlnas_jax.supernet.params import Dense, EncoderParams, HeadParams, Norm, on_device
from xlnas_jax.supernet.pieces.positions import marks_of
from xlnas_jax.supernet.tensors import Checkpoint, open_checkpoint
from xlnas_jax.types import CheckpointError, ConfigError, brief

__all__ = [
    "load_encoder",
    "load_head",
    "load_pooler",
    "load_words",
    "read_config",
    "read_shape",
    "resolve",
]

Leaves = Mapping[str, Float[Array, "..."]]
Params = TypeVar("Params")

# Far above any published encoder's, far below what memory or a loop cannot bear.
_MOST: Mapping[str, int] = {
    "vocab_size": 2**24,
    "hidden_size": 2**16,
    "num_hidden_layers": 1024,
    "num_attention_heads": 2**12,
    "intermediate_size": 2**18,
    "max_position_embeddings": 2**20,
    "type_vocab_size": 2**12,
    "pad_token_id": 2**24,
}
_MAX_EPSILON = 0.1
_OF_TOKENS = ("ForTokenClassification", "ForQuestionAnswering")


def read_config(directory: pathlib.Path) -> dict[str, Any]:
    """The plain values of `config.json`."""
    return read_json(directory / CONFIG, ConfigError, "Download the model again.")


def read_shape(directory: pathlib.Path) -> EncoderShape:
    """The encoder's sizes, where it is one that these layers compute exactly."""
    config = read_config(directory)
    family = family_of(config, str(directory / CONFIG))
    size = functools.partial(_size, directory, config, family)
    width, heads = size("hidden_size"), size("num_attention_heads")
    if width % heads:
        raise ConfigError(
            f"{directory / CONFIG}: {family.key('num_attention_heads')} must divide "
            f"{family.key('hidden_size')} {width}; got {heads}. Use the configuration "
            f"saved with the weights."
        )
    if family.spec.positions == ROTARY and width // heads % 2:
        raise ConfigError(
            f"{directory / CONFIG}: the size of a head, of which pairs of numbers "
            f"turn, must be even; got {width // heads}. Use the configuration saved "
            f"with the weights."
        )
    pad_id = size("pad_token_id", family.pad_id, least=0)
    is_offset = family.spec.positions == FROM_PADDING
    offset = pad_id + 1 if is_offset else 0
    num_layers = size("num_hidden_layers")
    return EncoderShape(
        vocab_size=size("vocab_size"),
        width=width,
        num_layers=num_layers,
        num_heads=heads,
        head_dim=width // heads,
        ffn=size("intermediate_size"),
        max_positions=size("max_position_embeddings", least=offset + 1),
        num_segments=size("type_vocab_size", 2),
        position_offset=offset,
        pad_id=pad_id,
        norm_epsilon=_epsilon(directory, config, family),
        family=family.name,
        spec=family.spec,
        **family.sizes_of(config, num_layers, str(directory / CONFIG)),
    )


def _size(
    directory: pathlib.Path,
    config: Mapping[str, Any],
    family: Family,
    name: str,
    default: int | None = None,
    least: int = 1,
) -> int:
    key, most = family.key(name), _MOST[name]
    value = config.get(key) if key else default
    value = default if value is None else value
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(
            f"{directory / CONFIG}: {key} must be an integer from {least} to {most:,}; "
            f"got {brief(value)}. Use the configuration saved with the weights."
        )
    return value


def _epsilon(
    directory: pathlib.Path, config: Mapping[str, Any], family: Family
) -> float:
    key = family.key("layer_norm_eps")
    value = config.get(key, family.epsilon) if key else family.epsilon
    # Above that it would rule over what is normalised; below zero there is no root.
    if type(value) not in (int, float) or not 0 < value <= _MAX_EPSILON:
        raise ConfigError(
            f"{directory / CONFIG}: {key} must be a number above 0, to "
            f"{_MAX_EPSILON}; got {brief(value)}. Use the configuration saved with the "
            f"weights."
        )
    return float(value)


def load_encoder(
    directory: pathlib.Path,
    shape: EncoderShape,
    kept: Int[np.ndarray, " vocab"] | None = None,
) -> EncoderParams:
    """The encoder's weights in float32, layers stacked.

    Warns of tensors that nothing explains, such as layers beyond the last one.

    Args:
        kept: rows of the word table, where `shape` has not all of them.
    """
    family = FAMILIES[shape.family]
    checkpoint = open_checkpoint(directory, family)
    sizes = axis_sizes(shape)
    layers = range(shape.num_layers)
    if kept is None:
        leaves = read_leaves(checkpoint, family.embeddings, sizes)
    else:
        word, *others = family.embeddings
        # Chosen on the host: no device need hold the whole table.
        leaves = {word.target: on_device(load_words(directory)[kept])}
        leaves |= read_leaves(checkpoint, tuple(others), sizes)
    for rule in family.layer:
        parts = [checkpoint.read(rule, sizes, n) for n in layers[rule.first :]]
        # What a first layer does not have is there all the same: layers are stacked.
        parts = [np.ones_like(parts[0])] * rule.first + parts
        leaves[rule.target] = on_device(np.stack(parts))
    marks = marks_of(shape)
    if marks is not None:
        leaves["layers.marks"] = on_device(marks)
    leaves |= read_leaves(checkpoint, family.final, sizes)
    used = [checkpoint.name(rule, n) for rule in family.layer for n in layers]
    used += [checkpoint.name(rule) for rule in (*family.embeddings, *family.final)]
    checkpoint.warn_unused(used, family.parts)
    return assemble(EncoderParams, leaves)


def load_words(directory: pathlib.Path) -> Float[np.ndarray, "vocab model"]:
    """The whole word table, in the memory of the host."""
    shape = read_shape(directory)
    family = FAMILIES[shape.family]
    checkpoint = open_checkpoint(directory, family)
    return checkpoint.read(family.embeddings[0], axis_sizes(shape))


def load_head(
    directory: pathlib.Path, shape: EncoderShape, num_outputs: int | None = None
) -> HeadParams | None:
    """The head of a fine-tuned sequence classifier (pooling `cls`), if there is one.

    Args:
        num_outputs: how many outputs it must have; None takes what is stored.
    """
    family = FAMILIES[shape.family]
    checkpoint, rules = open_checkpoint(directory, family), family.head
    by_target = {rule.target: rule for rule in rules}
    hidden, output = by_target["hidden.kernel"], by_target["output.kernel"]
    # A token classifier has BERT's `classifier` but no pooler before it; of some
    # families both are called alike.
    kinds = tuple(map(str, read_config(directory).get("architectures") or ()))
    is_of_tokens = any(kind.endswith(_OF_TOKENS) for kind in kinds)
    if is_of_tokens or not checkpoint.holds(hidden, output):
        return None
    found = checkpoint.rows(output)
    if num_outputs not in (None, found):
        raise CheckpointError(
            f"{directory}: tensor {checkpoint.name(output)!r} must have shape "
            f"{(num_outputs, shape.width)}, one row per label of the task; found "
            f"{(found, shape.width)}. Use the classifier's own labels or a new head."
        )
    # Some classifiers have a dense layer without a bias.
    rules = tuple(rule for rule in rules if checkpoint.holds(rule))
    leaves = read_leaves(checkpoint, rules, {**axis_sizes(shape), "label": found})
    if "hidden.bias" not in leaves:
        leaves["hidden.bias"] = jnp.zeros(shape.width)
    return HeadParams(
        hidden=assemble(Dense, leaves, "hidden."),
        output=assemble(Dense, leaves, "output."),
        norm=assemble(Norm, leaves, "norm.") if "norm.scale" in leaves else None,
        activation=shape.spec.head,
    )


def load_pooler(directory: pathlib.Path, shape: EncoderShape) -> Dense | None:
    """The pooler, if it is stored and was trained; a better start than noise."""
    rules = FAMILIES[shape.family].pooler
    if rules is None:
        return None
    checkpoint = open_checkpoint(directory, FAMILIES[shape.family])
    if not checkpoint.holds(*rules):
        return None
    return assemble(Dense, read_leaves(checkpoint, rules, axis_sizes(shape)))


def read_leaves(
    checkpoint: Checkpoint, rules: tuple[Rule, ...], sizes: Sizes
) -> dict[str, Float[Array, "..."]]:
    """Reads tensors into arrays, by the rules' targets."""
    return {rule.target: on_device(checkpoint.read(rule, sizes)) for rule in rules}


def assemble(kind: type[Params], leaves: Leaves, prefix: str = "") -> Params:
    """Fills a params dataclass from leaves keyed by their path of fields."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cast(Any, kind)):
        path = f"{prefix}{field.name}"
        if path in leaves:
            values[field.name] = leaves[path]
        elif any(leaf.startswith(f"{path}.") for leaf in leaves):
            kinds = typing.get_args(field.type) or (field.type,)
            part = next(one for one in kinds if dataclasses.is_dataclass(one))
            values[field.name] = assemble(cast(Any, part), leaves, f"{path}.")
        # What is left has no weights in this family, or in any checkpoint.
    return kind(**values)
