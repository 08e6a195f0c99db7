"""Whether every network of a space can be written in the forms that were asked for.

What a class of another library cannot hold is known of a space before anything is
trained: it is refused here, by the option that allows it, and not by `xlnas export`
once a search has found it.
"""

from collections.abc import Iterator, Sequence

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.space.shape import AFTER, EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.registry import of_layers
from xlnas_jax.supernet.stages.lora import LORA
from xlnas_jax.supernet.stages.registry import GROUPED, PRETRAINED
from xlnas_jax.types import ConfigError

# Forms whose layers are all of one size and have both halves.
_PADDED = ("hf", "sentence-transformers")
# What such a layer can hold; an update of low rank is merged into its kernels.
_HELD = {LORA, *(knob for one in (*PRETRAINED, *GROUPED) for knob in one.knobs)}


def require_fitting(
    config: SpaceConfig,
    space: SearchSpace,
    shape: EncoderShape,
    parts: Sequence[TaskPart],
) -> None:
    """Raises `ConfigError` for what a form of `space.fits` could not hold."""
    for reason in _objections(config, space, shape, parts):
        raise ConfigError(reason)


def _objections(
    config: SpaceConfig,
    space: SearchSpace,
    shape: EncoderShape,
    parts: Sequence[TaskPart],
) -> Iterator[str]:
    for form in config.fits:
        for part in parts:
            yield from _of_task(form, config, of_layers(shape.family), part)
        if form in _PADDED:
            yield from _of_layers(form, space, shape.spec.norm_place == AFTER)


def _of_task(
    form: str, config: SpaceConfig, family: Family, part: TaskPart
) -> Iterator[str]:
    """Of output layers and pooling."""
    kind = part.task.kind
    if part.own_heads:
        yield (
            f"language_heads: must be off where space.fits asks for {form}, which has "
            f"one output layer; got it on in task {part.name}. Leave one of them out."
        )
    if form == "sentence-transformers" and kind != "retrieval":
        yield (
            f"space.fits: {form} is of networks that give vectors; got it for task "
            f"{part.name}, which is {kind}. Leave it out."
        )
    is_pooled = form == "hf" and kind == "classification"
    if is_pooled and not {*config.pooling} <= {*family.poolings}:
        yield (
            f"space.pooling: must be [{', '.join(family.poolings)}] where space.fits "
            f"asks for {form}, whose classes of {family.name} tell texts so; got "
            f"[{', '.join(config.pooling)}]. Leave one of them out."
        )
    is_headed = form == "hf" and kind in ("tagging", "qa")
    if is_headed and kind not in family.token_heads:
        yield (
            f"space.fits: the family {family.name} has no class for {kind} whose "
            f"output layer is like ours; got {form}. Leave it out."
        )


def _of_layers(form: str, space: SearchSpace, is_behind: bool) -> Iterator[str]:
    """Of knobs, and of how few layers there may be.

    Args:
        is_behind: a norm follows each half of a layer, which must then be there.
    """
    for name in space.stage_knobs:
        if name not in _HELD:
            yield (
                f"space.{name}: must be left out where space.fits asks for {form}, "
                f"whose layers have nothing of the kind; got choices of it. Leave one "
                f"of them out."
            )
        elif is_behind and name != LORA and 0 in space.knob(name).choices:
            yield (
                f"space.{name}: must not hold 0 where space.fits asks for {form}, "
                f"whose layers have both halves; got it. Leave one of them out."
            )
    if not space.min_layers:
        yield (
            f"space.min_layers: must be at least 1 where space.fits asks for {form}, "
            f"whose networks have layers; got 0. Leave one of them out."
        )
