"""What a pretraining begins with: tokenizer, sizes, space, and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.data.tokens.masks import Masks, masks_of, with_mask
from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import (
    Tokenizer,
    load_tokenizer,
    require_ids_within,
)
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.experiment.encoder import scratch_shape
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.registry import FAMILIES, of_layers
from xlnas_jax.supernet.init import init_encoder, make_normal
from xlnas_jax.supernet.mlm import init_mlm_head, load_mlm_head
from xlnas_jax.supernet.stages import windowed
from xlnas_jax.supernet.stages.registry import PRETRAINED
from xlnas_jax.types import ConfigError

# Texts, and characters of each, that a tokenizer is held against `transformers` on.
_COMPARED = 300


@dataclass(frozen=True, eq=False)
class Start:
    """Everything static of a pretraining.

    Attributes:
        folder: of the model whose weights it begins with; None of a new one.
        family: whose classes of `transformers` compute what is pretrained.
    """

    config: Pretraining
    tokenizer: Tokenizer
    shape: EncoderShape
    space: SearchSpace
    masks: Masks
    family: Family
    folder: Path | None


def prepare(config: Pretraining, texts: Sequence[str]) -> Start:
    """Reads the model's tokenizer and sizes, or trains the one and makes the other.

    Args:
        texts: all that is learnt from.

    Raises:
        ConfigError: the model takes fewer tokens, its family has no head that tells
            masked tokens, or the space has parts that its class does not.
        DataError: its tokenizer has no token to mask by.
    """
    model, tokens = config.model, config.tokens
    most = tokens.max_length
    if isinstance(model, PretrainedModel):
        folder = pretrained.resolve(model.path, model.revision)
        shape = pretrained.read_shape(folder)
        if most > shape.max_length:
            raise ConfigError(
                f"tokens.max_length: the model takes at most {shape.max_length} "
                f"tokens; got {most}."
            )
        tokenizer = load_tokenizer(str(folder), most)
        where = str(folder)
        require_ids_within(tokenizer, shape.vocab_size, shape.num_segments, where)
        compared = [text[:_COMPARED] for text in texts[:_COMPARED]]
        require_agreement(tokenizer.backend, folder, compared)
    else:
        folder = None
        tokenizer = with_mask(train_tokenizer(texts, model.vocab_size, most))
        shape = scratch_shape(model, tokenizer, most)
    family = of_layers(shape.family)
    if not family.mlm:
        raise ConfigError(
            f"model: an encoder whose family has a head that tells masked tokens is "
            f"pretrained here; got {family.name}, which has none. Choose one of "
            f"{', '.join(name for name, one in FAMILIES.items() if one.mlm)}."
        )
    if not shape.spec.has_places and config.pretrain.tlm_positions == "restart":
        raise ConfigError(
            f"pretrain.tlm_positions: must be continue for the family {family.name}, "
            f"which tells tokens apart by how far they are from each other: places in "
            f"a row are all that it knows; got restart."
        )
    masks = masks_of(tokenizer, shape.vocab_size, folder or "")
    space = make_space(config.space, shape)
    _require_pretrained(space)
    tokenizer = with_prefix(tokenizer, tokens.prefix)
    return Start(config, tokenizer, shape, space, masks, family, folder)


def _require_pretrained(space: SearchSpace) -> None:
    """Nothing in the layers that a pretrained encoder does not have."""
    known = (*PRETRAINED, windowed.STAGE)
    if any(stage not in known for stage in space.stages):
        raise ConfigError(
            "space: what is pretrained are the parts that every pretrained encoder "
            "has; adapter, lora and prefix are put in by a search. Leave them out."
        )


def init_params(start: Start) -> PretrainParams:
    """Imported or new weights; the head is new where a checkpoint has none."""
    encoder_key, head_key = jax.random.split(jax.random.key(start.config.seed))
    shape, folder = start.shape, start.folder
    new = init_mlm_head(make_normal(head_key), shape)
    if folder is None:
        return PretrainParams(init_encoder(encoder_key, shape, start.space), new)
    encoder = pretrained.load_encoder(folder, shape)
    head = load_mlm_head(folder, shape)
    return PretrainParams(encoder, new if head is None else head)
