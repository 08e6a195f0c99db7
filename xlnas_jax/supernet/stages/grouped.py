"""Self-attention in which groups of heads share keys and values: whole groups are cut.

A head without the keys that it shares is none, and keys whose heads are gone serve
nobody; so `space.heads` counts heads, as everywhere, in multiples of a group.

References:
    Ainslie et al., "GQA: training generalized multi-query transformer models from
    multi-head checkpoints", 2023. https://arxiv.org/abs/2305.13245
"""

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts, sizes
from xlnas_jax.supernet.stages import attention
from xlnas_jax.supernet.stages.attention import GROUPS
from xlnas_jax.types import ConfigError

# All that is not by heads.
_REST = tuple(own for own in attention.AXES if own[1] in ("model", "mark"))
AXES = (
    ("query.kernel", "model group mate head_dim"),
    ("query.bias", "group mate head_dim"),
    ("key.kernel", "model group head_dim"),
    ("key.bias", "group head_dim"),
    ("value.kernel", "model group head_dim"),
    ("value.bias", "group head_dim"),
    ("output.kernel", "group mate head_dim model"),
    *_REST,
)


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Groups kept; with none the layer has no attention."""
    if not shape.spec.has_grouped_heads:
        return ()
    choices = sizes("heads", config.heads, shape.num_heads, "attention heads")
    if any(choice % shape.group_size for choice in choices):
        every = range(0, shape.num_heads + 1, shape.group_size)
        raise ConfigError(
            f"space.heads: {shape.group_size} heads share keys and values in this "
            f"encoder, and are kept or left out together; got {list(choices)}. Use "
            f"some of {list(every)}."
        )
    for part in ("lora", "prefix"):
        if any(getattr(config, part)):
            raise ConfigError(
                f"space.{part}: is for attention whose heads have keys and values each "
                f"of their own, which those of the family {shape.family} have not; got "
                f"{list(getattr(config, part))}. Leave it out, or use an adapter."
            )
    groups = tuple(choice // shape.group_size for choice in choices)
    return (Knob(GROUPS, groups, shape.num_layers, needs_layer=True),)


def params(shape: EncoderShape, groups: Counts) -> Counts:
    """Weights and biases of four affine maps, and a norm."""
    width, keys = shape.width, groups * shape.head_dim
    inner = keys * shape.group_size
    biases = shape.spec.has_biases * (inner + 2 * keys + width)
    kernels = 2 * width * (inner + keys)
    return (groups > 0) * (kernels + biases + shape.norm_size + shape.num_marks)


def flops(shape: EncoderShape, length: int, groups: Counts) -> Counts:
    """The affine maps, and two products of every token with every other."""
    keys = groups * shape.head_dim
    inner = keys * shape.group_size
    return 2 * length * (2 * shape.width * (inner + keys) + 2 * length * inner)


def widest(shape: EncoderShape, length: int, groups: Counts) -> Counts:
    """As of heads that have keys of their own: shared ones are repeated."""
    return attention.widest(shape, length, groups * shape.group_size)


STAGE = attention.STAGE._replace(
    name="grouped",
    make_knobs=make_knobs,
    knobs=(GROUPS,),
    words=("{} groups of heads",),
    units=((GROUPS, "group"),),
    axes=AXES,
    params=params,
    flops=flops,
    widest=widest,
)
