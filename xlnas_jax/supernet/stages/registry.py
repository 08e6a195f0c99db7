"""Every kind of stage, in the order in which they run, and every other knob.

A place in a layer is a tuple: the first of its kinds that the configuration asks for
stands there, and none where it asks for none.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

from xlnas_jax.space.knob import Knob
from xlnas_jax.space.stage import Stage, Training, Whole
from xlnas_jax.supernet.stages import (
    adapter,
    attention,
    feed_forward,
    grouped,
    lora,
    mix,
    pooling,
    prefix,
    tuned,
    vocabulary,
    windowed,
)
from xlnas_jax.supernet.stages.part import Part, with_parts

# What attention may have beside its heads.
PARTS: tuple[Part, ...] = (lora.PART, prefix.PART)


def _with_any(stage: Stage) -> Iterator[Stage]:
    """The stage with every set of parts, larger ones first: all that are asked for."""
    for count in range(len(PARTS), -1, -1):
        for parts in itertools.combinations(PARTS, count):
            yield with_parts(stage, parts)


LAYER: tuple[tuple[Stage, ...], ...] = (
    (*_with_any(windowed.STAGE), *_with_any(attention.STAGE), grouped.STAGE),
    (feed_forward.STAGE,),
    (adapter.STAGE,),
)
WHOLES: tuple[Whole, ...] = (pooling.WHOLE, vocabulary.WHOLE)
TRAININGS: tuple[Training, ...] = (tuned.TRAINING, mix.TRAINING)
STAGES: tuple[Stage, ...] = tuple(stage for place in LAYER for stage in place)
# What every pretrained encoder has; where its heads are grouped, by other knobs.
PRETRAINED: tuple[Stage, ...] = (attention.STAGE, feed_forward.STAGE)
GROUPED: tuple[Stage, ...] = (grouped.STAGE, feed_forward.STAGE)


def stages_with(names: Iterable[str]) -> tuple[Stage, ...]:
    """The chain whose knobs have these names; those of the whole network aside."""
    there = set(names)
    found = (
        next((one for one in place if there.issuperset(one.knobs)), None)
        for place in LAYER
    )
    return tuple(stage for stage in found if stage is not None)


def wholes_with(knobs: Iterable[Knob]) -> tuple[Whole, ...]:
    """What is known of the knobs of the whole network among these."""
    names = {knob.name for knob in knobs}
    return tuple(whole for whole in WHOLES if whole.name in names)


def trainings_with(knobs: Iterable[Knob]) -> tuple[Training, ...]:
    """What is known of the knobs of how a network is trained among these."""
    names = {knob.name for knob in knobs}
    return tuple(training for training in TRAININGS if training.name in names)


def in_words(values: Mapping[str, int]) -> str:
    """One layer's values, as a card tells them."""
    return ", ".join(
        words.format(f"{values[name]:,}")
        for stage in stages_with(values)
        for name, words in zip(stage.knobs, stage.words, strict=True)
    )
