"""What may vary."""

from dataclasses import dataclass, fields

from xlnas_jax.config.ranges import at_least, distinct


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
        pooling: ways to make one vector of a sentence.
    """

    elastic_depth: bool = True
    min_layers: int = 1
    heads: tuple[int, ...] = ()
    ffn: tuple[int, ...] = ()
    window: tuple[int, ...] = ()
    adapter: tuple[int, ...] = ()
    pooling: tuple[str, ...] = ("mean",)

    def __post_init__(self) -> None:
        # None at all leaves out all layers, or a part of one.
        sizes = [f.name for f in fields(self) if f.type == tuple[int, ...]]
        at_least(self, 0, "min_layers", *sizes, most=2**17)
        distinct(self, "pooling")
