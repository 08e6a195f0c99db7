"""The contract of an encoder family: how it computes, what its weights are called."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from xlnas_jax.space.shape import (
    AFTER,
    BEFORE,
    FROM_PADDING,
    LEARNED,
    RELATIVE,
    ROTARY,
    EncoderShape,
    Spec,
)
from xlnas_jax.supernet.families.layout import Rule
from xlnas_jax.types import ConfigError

# Of each part of a spec, what there are layer functions for.
BUILT: Mapping[str, tuple[Any, ...]] = {
    "norm_place": (AFTER, BEFORE),
    "norm": ("layer", "rms"),
    "has_embedding_norm": (True, False),
    "has_final_norm": (False, True),
    "has_norm_biases": (True, False),
    "positions": (LEARNED, FROM_PADDING, ROTARY, RELATIVE),
    "activation": ("gelu", "silu"),
    "is_gated": (False, True),
    "has_biases": (True, False),
    "has_inner_biases": (True, False),
    "has_grouped_heads": (False, True),
    "has_local_layers": (False, True),
    "is_first_bare": (False, True),
    "has_segments": (True, False),
    "head": ("tanh", "relu", "gelu", "gelu, norm"),
}


def no_sizes(config: Mapping[str, Any], num_layers: int, where: str) -> dict[str, Any]:
    """Of a family that has no more than BERT."""
    del config, num_layers, where
    return {}


def no_entries(shape: EncoderShape, is_local: Sequence[bool]) -> dict[str, Any]:
    """Likewise."""
    del shape, is_local
    return {}


class Family(NamedTuple):
    """One family of encoders.

    Attributes:
        name: `model_type` of its `config.json`.
        classes: what the names of its classes in `transformers` begin with.
        spec: how its layers compute.
        fixed: entries of `config.json` that must have these values where they are
            given, since with others the forward pass would be another one.
        prefix: of the encoder's tensors where a task head stands beside it.
        pad_id: where `config.json` leaves it out.
        embeddings: to `EncoderParams.embeddings`, the word table first.
        layer: of one layer, to `EncoderParams.layers`.
        final: to `EncoderParams`, what follows the last layer.
        pooler: a dense layer over the first token; None where pretraining had no use
            for it, so that what a checkpoint holds of it is noise.
        head: sequence classifier, to `HeadParams`.
        mlm: masked-language-model head, to `MlmHead`; the decoder apart, because
            it may be tied.
        decoder: own kernel, own bias, shared bias of that head's output.
        token_heads: by task, of classifiers of every token.
        keys: of `config.json`, where a size is called otherwise than by BERT; empty
            where it is not configured.
        epsilon: of norms, where `config.json` leaves it out.
        poolings: what its classifiers of sentences can pool by, as `config.json` calls
            it; empty where they have no choice.
        class_entries: what `config.json` says of a classifier as it is written here.
        sizes_of: `(config, num_layers, where) -> fields` of `EncoderShape` that only
            some families have.
        entries: `(shape, is_local) -> entries` of `config.json`, the inverse, for
            layers of which some are local.
    """

    name: str
    classes: str
    spec: Spec
    fixed: Mapping[str, Any]
    prefix: str
    pad_id: int
    embeddings: tuple[Rule, ...]
    layer: tuple[Rule, ...]
    pooler: tuple[Rule, ...] | None
    head: tuple[Rule, ...]
    mlm: tuple[Rule, ...]
    decoder: tuple[Rule, Rule, Rule]
    token_heads: Mapping[str, tuple[Rule, ...]]
    final: tuple[Rule, ...] = ()
    keys: Mapping[str, str] = {}
    epsilon: float = 1e-12
    poolings: Mapping[str, str] = {"cls": ""}
    class_entries: Mapping[str, Any] = {}
    sizes_of: Callable[[Mapping[str, Any], int, str], dict[str, Any]] = no_sizes
    entries: Callable[[EncoderShape, Sequence[bool]], dict[str, Any]] = no_entries

    def key(self, name: str) -> str:
        """What BERT calls `name` in its `config.json`, in that of this family."""
        return self.keys.get(name, name)

    @property
    def parts(self) -> tuple[str, ...]:
        """What the names of tensors of its heads begin with."""
        heads = (self.head, self.mlm, self.decoder, *self.token_heads.values())
        names = (rule.source for rules in heads for rule in rules)
        own = (name for name in names if not name.startswith("{encoder}"))
        return tuple(dict.fromkeys(f"{name.split('.')[0]}." for name in own))


def require_built(spec: Spec, where: str) -> None:
    """An error where layers would have to compute what there is no function for."""
    for name, known in BUILT.items():
        value = getattr(spec, name)
        if value not in known:
            raise ConfigError(
                f"{where}: {name} must be {' or '.join(map(repr, known))}; got "
                f"{value!r}, for which there is no layer. Choose another checkpoint."
            )
