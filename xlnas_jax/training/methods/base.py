"""The contract of a transfer method: how a batch becomes gradients.

A method knows nothing of optimizers, devices or checkpoints. Around it, a weight step
takes the batch, embeds it once, asks the method for a loss and gradients, and takes one
optimizer step with them (`step.make_weight_step`).
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.space.shape import Spec
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.stages.mix import MixAt
from xlnas_jax.supernet.streams.streams import Streams
from xlnas_jax.tasks.base import Losses, Task
from xlnas_jax.types import Architecture, Batch, Said

# What a method learns from: labelled text of the source, labelled text of auxiliary
# languages, text without labels, translations, and what the full network made of all
# text when its warm-up was over.
Data = Literal["source", "auxiliary", "unlabelled", "translations", "teacher"]
# What of the weights a method trains.
Trained = Literal["embeddings", "layers", "head"]
EVERYTHING: frozenset[Trained] = frozenset({"embeddings", "layers", "head"})

Logits = Float[Array, "..."]
# Of one batch: the loss, gradients of the weights and of the embedded tokens, and the
# method's own state after it. A method that embeds tokens itself gives no gradients of
# them, but None: those of the weights are of the embeddings too.
Gradients = tuple[Float[Array, ""], tuple[Any, Any], Any]


class Network(NamedTuple):
    """What a method runs: a supernet, or one network alone.

    Attributes:
        full: `(params, x, batch, architecture, key) -> Said` of the whole network,
            with dropout where a key is given, which may be left out.
        sub: `(params, x, batch, architecture) -> Said` of a sub-network; None of one
            network alone, which has none.
        embed: `(params, batch) -> x`, for methods that try other weights.
        numbers: of the layers, where they are cut out and stand one after another.
        streams: the whole network layer by layer, for methods in which texts see each
            other.
        shares: of its update that each layer takes (`space.tuned`); None: all take all.
        mix: in which layer texts see each other (`space.mix`); None: as configured.
        pick: `embedded tokens -> those of the whole network`, where networks differ in
            their words' rows (`space.vocabulary`).
    """

    full: Callable[..., Said]
    sub: Callable[..., Said] | None = None
    embed: Callable[..., Any] | None = None
    numbers: tuple[int, ...] | None = None
    streams: Streams | None = None
    shares: Float[Array, " layer"] | None = None
    mix: MixAt | None = None
    pick: Callable[[Any], Any] = lambda x: x


class Part(NamedTuple):
    """Which part of a batch a method is given, where they come one after another.

    Attributes:
        whole: the batch; means are taken over what counts in all of it.
        number: of the part, which has dropout of its own.
    """

    whole: Batch
    number: Int[Array, ""]


class Setting(NamedTuple):
    """Where a method works.

    Attributes:
        space: of the network; its largest architecture is the whole.
        part: of a batch; None where the method is given all of it.
        auxiliary: how many languages have labelled rows beside the source, which is 0
            in `Batch.language`: they are the first that follow.
        languages: numbers of all languages that have rows, with labels or without.
        width: of a sentence's vector.
        span: the first step of the learner that is by this method, and how many are.
        step: the one that is taken.
        spec: of the encoder's family.
        weight: factor on the gradients of the task's steps.
    """

    config: TrainConfig
    network: Network
    space: SearchSpace
    task: Task
    part: Part | None = None
    auxiliary: int = 0
    languages: tuple[int, ...] = (0,)
    width: int = 0
    span: tuple[int, int] = (0, 1)
    step: Int[Array, ""] | int = 0
    spec: Spec = Spec()
    weight: float = 1.0


# `count -> (rows, index, weight)`: the next batches, so many of one length bucket.
Draw = Callable[[int], tuple[Batch, Any, Any]]


class Start(NamedTuple):
    """What a method may try out before its first step.

    Attributes:
        params: of one task; they are left as they are.
        draw: batches of which all rows have labels, with languages alike.
        split: a batch with its rows divided over the devices.
    """

    params: Any
    draw: Draw
    split: Callable[[Batch], Batch]


def no_state(setting: Setting, key: Key[Array, ""]) -> tuple[()]:
    """Of a method that remembers nothing."""
    del setting, key
    return ()


def nothing_more(config: TrainConfig) -> frozenset[Data]:
    """Of a method that needs the same with all settings."""
    del config
    return frozenset()


def fits_all(config: TrainConfig, num_layers: int) -> None:
    """Of a method that runs on encoders of any depth."""
    del config, num_layers


class Method(NamedTuple):
    """One transfer method.

    Attributes:
        name: in the configuration, `train.method`.
        paper: where it comes from.
        gradients: `(setting, state, params, x, batch, key)`, of which `x` are the
            embedded tokens (of each of `texts_of` where translations stand beside
            rows), to `Gradients`; pure, and traced once for every shape.
        init: its own state before the first step, a pytree.
        prepare: `(setting, start, key) -> state`, of the form that `init` gives: what
            it finds out before the first step, once; rates of the configuration are
            the highest of that training. None if nothing.
        scale: `(setting, state, updates) -> updates`: what the optimizer's updates are
            changed to before they are added. None if they are not.
        needs: what it learns from. uses: what it also learns from, if it is there.
        least_auxiliary: of auxiliary languages, where it needs some.
        trains: the weights that its gradients reach; all others have none.
        warms_up: whether the warm-up of a search can be by it: the whole network learns
            by it, without a teacher, and it has nothing to find out before.
        needs_more: what it also needs with these settings.
        is_beside: translations stand beside the rows that they are of (`Batch.other`),
            and are embedded with them; else they are rows by themselves.
        outside: what speaks against its settings in an encoder of so many layers.
        first: its `gradients` in the warm-up, where they are others.
        draws: sub-networks learn beside the whole one, so that embedded tokens are
            given as all of them see them.
    """

    name: str
    paper: str
    gradients: Callable[..., Gradients]
    init: Callable[[Setting, Key[Array, ""]], Any] = no_state
    prepare: Callable[[Setting, Start, Key[Array, ""]], Any] | None = None
    scale: Callable[[Setting, Any, Any], Any] | None = None
    needs: frozenset[Data] = frozenset({"source"})
    uses: frozenset[Data] = frozenset()
    least_auxiliary: int = 1
    trains: frozenset[Trained] = EVERYTHING
    warms_up: bool = False
    needs_more: Callable[[TrainConfig], frozenset[Data]] = nothing_more
    is_beside: bool = False
    outside: Callable[[TrainConfig, int], str | None] = fits_all
    first: Callable[..., Gradients] | None = None
    draws: bool = False


def needs_with(method: Method, config: TrainConfig) -> frozenset[Data]:
    """All that a method needs with its settings."""
    return method.needs | method.needs_more(config)


def hears(method: Method) -> bool:
    """Whether it learns from text without labels, where there is some."""
    return "unlabelled" in method.needs | method.uses


def texts_of(batch: Batch) -> tuple[Batch, ...]:
    """The batch, what stands beside it, and what that is in its language again."""
    if batch.other is None:
        return (batch,)
    return (batch, *texts_of(batch.other))


def batch_loss(
    losses: Losses,
    weight: Float[Array, " batch"],
    count: Float[Array, ""] | None = None,
) -> Float[Array, ""]:
    """Mean over the predictions of the rows that count.

    Args:
        count: of those predictions, where not all of them are here.
    """
    if count is None:
        count = (losses.num * weight).sum()
    return (losses.total * weight).sum() / jnp.maximum(count, 1.0)


def row_weight(batch: Batch) -> Float[Array, " batch"]:
    """1 for every row that counts, labelled or not."""
    return batch.weight


def label_weight(batch: Batch) -> Float[Array, " batch"]:
    """1 for every row that counts and has a label."""
    return batch.weight if batch.labelled is None else batch.weight * batch.labelled


def num_in_whole(
    setting: Setting, weigh: Callable[[Batch], Float[Array, " batch"]]
) -> Float[Array, ""] | None:
    """Predictions that a mean is taken over; None where the batch has all of them.

    How many there are is said by labels and texts alone, so no network is run.
    """
    if setting.part is None:
        return None
    task, whole = setting.task, setting.part.whole
    rows = whole.tokens.shape if task.reads_tokens else whole.tokens.shape[:1]
    nothing = jnp.zeros((*rows, task.num_outputs))
    return (task.loss(nothing, whole).num * weigh(whole)).sum()


def drop_key(setting: Setting, key: Key[Array, ""]) -> Key[Array, ""]:
    """The key of a batch's dropout, or that of its part."""
    part = setting.part
    return key if part is None else jax.random.fold_in(key, part.number)


def label_loss(setting: Setting, logits: Logits, batch: Batch) -> Float[Array, ""]:
    """Mean loss of the rows that have labels; 0 where none has."""
    losses = setting.task.loss(logits, batch)
    count = num_in_whole(setting, label_weight)
    return batch_loss(losses, label_weight(batch), count)


def loss_of_whole(
    setting: Setting,
    params: Any,
    batch: Batch,
    arch: Architecture,
    key: Key[Array, ""] | None = None,
) -> Float[Array, ""]:
    """The whole network's loss on labels, as a function of all that is trained.

    Tokens are embedded by the weights that are given, in which embeddings that are not
    trained count as constants; with dropout where there is a key.
    """
    assert setting.network.embed is not None
    if not setting.config.trains_embeddings:
        still = jax.lax.stop_gradient(params.encoder.embeddings)
        encoder = dataclasses.replace(params.encoder, embeddings=still)
        params = dataclasses.replace(params, encoder=encoder)
    x = setting.network.embed(params, batch)
    said = setting.network.full(params, x, batch, arch, key)
    return label_loss(setting, said.logits, batch)


def from_labels(
    setting: Setting,
    params: Any,
    x: Any,
    batch: Batch,
    arch: Architecture,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], Said, tuple[Any, Any]]:
    """The whole network's loss, what it says, and gradients of weights and tokens."""
    key = drop_key(setting, key)

    def loss_of(params: Any, x: Any) -> tuple[Float[Array, ""], Said]:
        said = setting.network.full(params, x, batch, arch, key)
        return label_loss(setting, said.logits, batch), said

    run = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)
    (loss, said), grads = run(params, x)
    return loss, said, grads


def whole(space: SearchSpace, key: Key[Array, ""]) -> Architecture:
    """The largest architecture; knobs without an order are drawn (`networks`)."""
    return jax.tree.map(lambda leaf: leaf[0], networks(space, key, 0))


def networks(space: SearchSpace, key: Key[Array, ""], num_random: int) -> Architecture:
    """Largest, smallest and random architectures, in that order.

    Knobs without an order (pooling) have no largest choice: they are drawn anew
    for every network, so that each choice learns from the labels too.
    """
    random = space.sample_valid(key, num_random + 2)
    ends = jax.tree.map(
        lambda a, b: jnp.stack([a, b]), space.largest(), space.smallest()
    )
    choices = {}
    for knob in space.knobs:
        drawn = random[knob.name]
        ordered = jnp.concatenate([ends[knob.name], drawn[2:]])
        choices[knob.name] = ordered if knob.is_ordered else drawn
    return Architecture(choices=choices)
