"""Language modelling of a supernet on plain and parallel text: a file of its own.

It shares the sections of an experiment that mean the same there, and has neither roles
of languages nor labelled data: nothing of what it reads has a label.
"""

from dataclasses import dataclass
from typing import Literal

from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.config.data import CipherData, CldrData, SetData, TableData
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.config.ranges import (
    LARGEST,
    MANY,
    MAX_STEPS,
    at_least,
    distinct,
    fraction,
    positive,
)
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.texts import LineTexts, SetTexts
from xlnas_jax.config.tokens import MAX_TOKENS, TokensConfig
from xlnas_jax.config.train import Schedule
from xlnas_jax.types import ConfigError, brief

LOSSES = ("mlm", "tlm", "ranking")


@dataclass(frozen=True)
class PretrainConfig:
    """What is learnt from, by which losses, and for how long.

    Attributes:
        languages: all whose text is learnt from, the source among them.
        source: what pairs are translations of.
        texts: where plain text comes from: `mlm` learns from it.
        pairs: where translations come from: `tlm` and `ranking` learn from them. Of
            labelled places rows of the training split with the same id are some.
        into: languages that pairs translate the source into; empty: all but the source.
        heldout: texts, and pairs, of a language that nothing is learnt from, a tenth
            of what there is at most; curves are of them.
        pseudo: of those texts so many a language are masked token by token, for the
            pseudo-perplexity; 0: none is measured.
        mlm, tlm, ranking: how much each loss counts: masked tokens of plain text, of a
            sentence and its translation in one row, and telling a translation among
            those of a batch.
        mixing: what these numbers are: `shares` of the steps, each of which has one of
            the losses, or `weights` of the losses, all of which every step has.
        mask_rate: share of the tokens of a text that are to be told.
        tlm_positions: whether those of a translation `continue` after the sentence, as
            XLM-R was trained, or `restart`, as in the paper of TLM.
        temperature: of the cosines in `ranking`.
        margin: by how much a translation's cosine must exceed the others'.
        alpha: languages are learnt from in proportion to the number of their texts to
            this power.
        steps: of the optimizer. every: so many are a round, after which curves are
            logged; a checkpoint comes after `checkpoint.every` rounds.
        batch_size: rows of a batch: texts, or pairs.
        sandwich: the smallest and random sub-networks learn from the largest in every
            step; without, the largest learns alone.
        num_random: of random ones.
        kd_temperature: softness of what they are told of masked tokens.
        learning_rate: of all weights, the highest; see `schedule`.
        precision: of the matrix products; reductions are always fp32.
        remat: recompute activations in the backward pass of every layer.
    """

    languages: tuple[str, ...]
    source: str = "en"
    texts: tuple[SetTexts | LineTexts, ...] = ()
    pairs: tuple[SetData | TableData | CldrData | CipherData, ...] = ()
    into: tuple[str, ...] = ()
    heldout: int = 64
    pseudo: int = 4
    mlm: float = 1.0
    tlm: float = 0.0
    ranking: float = 0.0
    mixing: Literal["shares", "weights"] = "shares"
    mask_rate: float = 0.15
    tlm_positions: Literal["continue", "restart"] = "continue"
    temperature: float = 0.05
    margin: float = 0.3
    alpha: float = 0.3
    steps: int = 1000
    every: int = 100
    batch_size: int = 32
    sandwich: bool = True
    num_random: int = 2
    kd_temperature: float = 1.0
    learning_rate: float = 1e-4
    warmup_fraction: float = 0.06
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float = 0.1
    precision: Literal["fp32", "bf16"] = "fp32"
    remat: bool = False

    def __post_init__(self) -> None:
        at_least(self, 1, "heldout", most=MANY)
        at_least(self, 0, "pseudo", most=MANY)
        at_least(self, 0, *LOSSES, "weight_decay", "margin")
        at_least(self, 1, "steps", "every", most=MAX_STEPS)
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        at_least(self, 0, "num_random", most=1024)
        positive(self, "learning_rate", "clip_norm", "kd_temperature")
        positive(self, "temperature", most=100)
        positive(self, "mask_rate", most=0.9)
        fraction(self, "alpha", "warmup_fraction", "dropout")
        distinct(self, "languages", "source", *(("into",) if self.into else ()))
        self._require_losses()
        self._require_languages()

    @property
    def counted(self) -> dict[str, float]:
        """The losses that count for something, and how much."""
        return {name: weight for name in LOSSES if (weight := getattr(self, name)) > 0}

    @property
    def reads_texts(self) -> bool:
        """Whether some loss learns from plain text."""
        return self.mlm > 0

    @property
    def reads_pairs(self) -> bool:
        """Whether some loss learns from translations."""
        return self.tlm + self.ranking > 0

    def _require_losses(self) -> None:
        if not self.counted:
            raise ConfigError(
                "mlm: some loss must count; mlm, tlm and ranking are all 0. Set one of "
                "them."
            )
        if self.reads_texts and not self.texts:
            raise ConfigError(
                "texts: at least one place of plain text must be named, since mlm "
                "counts; got none. Name one, or set pretrain.mlm to 0."
            )
        if self.reads_pairs and not self.pairs:
            raise ConfigError(
                "pairs: at least one place of translations must be named, since tlm or "
                "ranking counts; got none. Name one, or set both to 0."
            )
        if self.ranking and self.batch_size < 2:
            raise ConfigError(
                "batch_size: must be at least 2 where ranking counts, which tells a "
                "translation among those of a batch; got 1. Use more."
            )

    def _require_languages(self) -> None:
        for name, codes in (("source", (self.source,)), ("into", self.into)):
            for code in codes:
                if code not in self.languages:
                    raise ConfigError(
                        f"{name}: must be of pretrain.languages; got {brief(code)}. "
                        f"Add it there."
                    )
        if self.source in self.into:
            raise ConfigError(
                f"into: the source is not translated into itself; got {self.source!r} "
                f"among them. Leave it out."
            )
        if self.reads_pairs and len(self.languages) < 2:
            raise ConfigError(
                "languages: must name others than the source, since tlm or ranking "
                f"counts; got {list(self.languages)}. Add some."
            )


@dataclass(frozen=True)
class Pretraining:
    """A whole pretraining, as its file says it.

    Attributes:
        skip_bad_rows: pass over faulty rows and count them, instead of refusing.
    """

    model: PretrainedModel | ScratchModel
    pretrain: PretrainConfig
    skip_bad_rows: bool = False
    seed: int = 0
    tokens: TokensConfig = TokensConfig()
    space: SpaceConfig = SpaceConfig()
    devices: DevicesConfig = DevicesConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    def __post_init__(self) -> None:
        at_least(self, 0, "seed", most=LARGEST)
        if isinstance(self.model, PretrainedModel) and self.model.vocabulary:
            raise ConfigError(
                "model.vocabulary: a vocabulary is trimmed by a search, to the texts "
                "of its languages; here it must be whole. Leave it out."
            )
