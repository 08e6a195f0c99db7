"""What may vary."""

from dataclasses import dataclass, field, fields
from typing import Literal

from xlnas_jax.config.ranges import at_least, distinct, fraction, positive
from xlnas_jax.types import ConfigError

ExportForm = Literal["hf", "sentence-transformers", "onnx", "onnx-int8", "stablehlo"]


@dataclass(frozen=True)
class AdaptConfig:
    """How the part of the space that is searched follows the languages.

    Every ordered knob, and the number of layers, gets bounds. The harder the transfer,
    the higher: of `difficulty` u and a knob with k choices, the lowest is
    `floor((k-1) max(0, u - slack) s)`, the highest `ceil((k-1) min(1, base + u s))`,
    with its sensitivity s. Networks outside are not proposed; those that are known stay
    known, and all are trained.

    Attributes:
        distance, alignment, morphology: what counts in the difficulty: how far targets
            are from the source (`languages.distance`), how little the best network
            aligns translations (where an objective measures that), how much more the
            auxiliary languages' words are cut. What is not known does not count.
        slack, base: see above.
        sensitivity: of knobs by name, and of the number of layers as `depth`; 1 if
            absent.
        bias: how much likelier the largest choice is than the smallest inside the
            bounds, as the exponent of e at a difficulty of 1.
        low, high: of the smoothed alignment; bounds move after `patience` rounds in a
            row above `high` or below `low`, by one choice at most, and not between.
        smoothing: of the alignment, what is kept of it in each round.
    """

    distance: float = 0.5
    alignment: float = 0.3
    morphology: float = 0.2
    slack: float = 0.5
    base: float = 0.5
    sensitivity: dict[str, float] = field(default_factory=dict)
    bias: float = 1.0
    low: float = 0.4
    high: float = 0.6
    patience: int = 2
    smoothing: float = 0.7

    def __post_init__(self) -> None:
        at_least(self, 0, "distance", "alignment", "morphology", "bias", most=100)
        fraction(self, "slack", "base", "low", "high", "smoothing")
        at_least(self, 1, "patience")
        positive(self, "sensitivity", most=100)
        if not self.distance + self.alignment + self.morphology:
            raise ConfigError(
                "space.adapt: something must count in the difficulty; distance, "
                "alignment and morphology are all 0. Leave the section out."
            )
        if not self.low < self.high:
            raise ConfigError(
                f"space.adapt.low: must be below high, or bounds would move to and "
                f"fro; got {self.low} and {self.high}."
            )


@dataclass(frozen=True)
class SpaceConfig:
    """What may vary. Choices are listed from small to large.

    Attributes:
        elastic_depth: each layer may be skipped.
        min_layers: fewer kept layers than this is not a valid architecture; with 0
            the static model that pools embeddings alone is one.
        heads: numbers of attention heads a layer may keep; empty: all only; 0: a layer
            may be without attention.
        ffn: inner widths a layer may keep; empty: full width only; 0: a layer may be
            without its feed-forward part.
        window: tokens that each token sees on either side, beside the first one, which
            sees all and is seen by all; the last choice must be all that the model
            takes; empty: all only.
        adapter: neurons of a bottleneck behind each layer, which begins as nothing; 0:
            a layer may be without; empty: there is none.
        lora: ranks of an update to the queries and values of each layer, which begins
            as nothing; 0: a layer may be without; empty: there is none.
        prefix: keys and values that are learnt beside those of the tokens, under a gate
            that begins shut; 0 and empty likewise.
        tuned: shares of its update that a layer may take while a network is trained
            alone, from 0, by which it stays as it was, to 1; empty: all take all. It
            is a choice where candidates are trained (`evaluate.tuning`).
        mix: numbers of layers, from 0, in one of which a translation sees its row while
            a network is trained alone by `mixup`; empty: that of `train.mixup.layers`.
            It is a choice likewise.
        vocabulary: of every language's tokens, shares whose pieces have a row of the
            word table of their own, the most frequent ones; all others have one of
            `model.vocabulary.shared` rows in common with pieces like them. The last
            choice must be 1; empty: every piece has its own.
        pooling: ways to make one vector of a sentence.
        fits: forms of export that every network of the space must be able to have,
            as `xlnas export --formats` names them; what they cannot hold is refused.
        adapt: only a part of it is searched, as the languages ask; all if absent.
    """

    elastic_depth: bool = True
    min_layers: int = 1
    heads: tuple[int, ...] = ()
    ffn: tuple[int, ...] = ()
    window: tuple[int, ...] = ()
    adapter: tuple[int, ...] = ()
    lora: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    tuned: tuple[float, ...] = ()
    mix: tuple[int, ...] = ()
    vocabulary: tuple[float, ...] = ()
    pooling: tuple[str, ...] = ("mean",)
    fits: tuple[ExportForm, ...] = ()
    adapt: AdaptConfig | None = None

    def __post_init__(self) -> None:
        # None at all leaves out all layers, or a part of one.
        sizes = [f.name for f in fields(self) if f.type == tuple[int, ...]]
        at_least(self, 0, "min_layers", *sizes, most=2**17)
        fraction(self, "tuned", "vocabulary")
        shares = list(self.vocabulary)
        if shares and (shares != sorted(set(shares)) or shares[-1] != 1):
            raise ConfigError(
                f"space.vocabulary: shares must rise and differ, and the last one be "
                f"1, so that the full network is in the space; got {shares}."
            )
        distinct(self, "pooling", *(("fits",) if self.fits else ()))
