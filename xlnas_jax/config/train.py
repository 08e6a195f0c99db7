"""How the shared weights learn."""

from dataclasses import dataclass, field
from typing import Literal

from xlnas_jax.config.augment.ways import AnyWay, require_shares
from xlnas_jax.config.methods.adversarial import AdversarialConfig
from xlnas_jax.config.methods.domain import DomainConfig
from xlnas_jax.config.methods.filter import FilterConfig
from xlnas_jax.config.methods.gates import GatesConfig
from xlnas_jax.config.methods.maml import MamlConfig
from xlnas_jax.config.methods.mixup import MixupConfig
from xlnas_jax.config.methods.translations import AnyTranslations
from xlnas_jax.config.methods.xtune import XTuneConfig
from xlnas_jax.config.ranges import (
    MANY,
    MAX_STEPS,
    at_least,
    distinct,
    divides,
    fraction,
    positive,
)
from xlnas_jax.config.tokens import MAX_TOKENS
from xlnas_jax.types import ConfigError

Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True)
class TrainConfig:
    """How the shared weights learn.

    Attributes:
        method: how a batch makes a weight step of the search's rounds, and of the
            exported network; see `training.methods`.
        warm_up_method: likewise of the warm-up, in which the full network alone learns.
        accumulate: in how many parts the rows of a batch pass the layers, one after
            another: the step is that of the whole batch, the memory that of a part.
        pretune_steps: full-network steps before heads and neurons are reordered
            by importance and sub-networks join in.
        average: at the end of the warm-up the weights become the mean of so many
            checkpoints of it, spread evenly, the last step's among them; 0: they stay
            those of the last step.
        reorder: sort heads and neurons by importance after `pretune_steps`.
        schedule: how learning rates go on after `warmup_fraction` of the steps, within
            which they rise: `linear` or by a `cosine` to zero, or `constant`.
        rounds_learning_rate: of all weights once the warm-up is over, with a schedule
            of its own; absent: one schedule spans both, and goes on.
        num_random: random sub-networks per step, beside largest and smallest.
        kd_temperature: softness of what is distilled.
        kd_vector: weight of one less the cosine between the sentence vectors of a
            network and of its teacher, beside the divergence of their predictions.
        kd_layers: weight of what the vectors of every layer that a network keeps leave
            unexplained of those of its teacher, a share of their variance.
        kd_relation: weight of how far the likeness of every sentence to all others of
            the batch is from what the teacher has it, as distributions softened by
            `relation_temperature`: near neighbours must stay apart.
        kd_labels: weight of the loss on labels, where there are some, in what a
            network learns from a teacher that does not learn (`distill`).
        rdrop_alpha: of `rdrop`, weight of how far two passes with other dropout are
            from each other.
        adversarial: of `fgm` and `pgd`, what is done to the sentences.
        domain: of `adversarial`, which makes languages alike.
        importance: what heads and neurons are sorted by: how much the loss on
            `labels` depends on them, or the `divergence` of predictions on all text,
            that without labels too.
        weight_decay: decoupled; none on biases and LayerNorm.
        precision: of the matrix products; reductions are always fp32.
        temperature: tasks and languages are trained on in proportion to the number
            of their examples to this power.
        task_temperature: likewise of tasks alone, by all their examples; absent: a
            task has what its languages have together.
        freeze_embeddings: leave the word embeddings as they were imported.
        frozen_layers: so many of the first layers are left as they were too, and with
            them the word embeddings.
        unfreeze_steps: the head and the last layer learn from the first step on, every
            layer below so many steps later than the one above it, the word embeddings
            last; 0: all from the first step on.
        layer_decay: how much more slowly every layer learns than the one above it, and
            the word embeddings than the first; 1: all alike.
        tunes: what learns: `all`, or the `head` alone, or the head and what the space
            adds to pretrained layers (`adapter`, `lora`, `prefix`).
        remat: recompute activations in the backward pass of every layer.
        translations: where those of the training rows come from, for methods that
            learn from them; their labels are the rows' own.
        augment: what is made of the source's training rows, for any method.
        mixup, filter, xtune, maml, gates: of the methods with these names; `gates` of
            `soft_layers`.
    """

    method: str = "sandwich"
    warm_up_method: str = "finetune"
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    rounds_learning_rate: float | None = None
    warmup_fraction: float = 0.1
    schedule: Schedule = "linear"
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float = 0.1
    label_smoothing: float = 0.0
    pretune_steps: int = 0
    average: int = 0
    reorder: bool = True
    num_random: int = 2
    kd_temperature: float = 1.0
    kd_vector: float = 0.0
    kd_layers: float = 0.0
    kd_relation: float = 0.0
    relation_temperature: float = 0.05
    kd_labels: float = 0.0
    rdrop_alpha: float = 1.0
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    domain: DomainConfig = field(default_factory=DomainConfig)
    importance: Literal["labels", "divergence"] = "labels"
    temperature: float = 1.0
    task_temperature: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    freeze_embeddings: bool = False
    frozen_layers: int = 0
    unfreeze_steps: int = 0
    layer_decay: float = 1.0
    tunes: Literal["all", "adapters", "head"] = "all"
    remat: bool = False
    translations: AnyTranslations | None = None
    augment: tuple[AnyWay, ...] = ()
    mixup: MixupConfig = field(default_factory=MixupConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    xtune: XTuneConfig = field(default_factory=XTuneConfig)
    maml: MamlConfig = field(default_factory=MamlConfig)
    gates: GatesConfig = field(default_factory=GatesConfig)

    def __post_init__(self) -> None:
        distinct(self, "method", "warm_up_method")
        at_least(self, 1, "batch_size", "accumulate", most=MAX_TOKENS)
        divides(self, "accumulate", "batch_size")
        at_least(self, 0, "weight_decay", "kd_vector", "kd_layers", "kd_labels")
        at_least(self, 0, "kd_relation", "rdrop_alpha")
        at_least(self, 0, "pretune_steps", most=MAX_STEPS)
        at_least(self, 0, "unfreeze_steps", most=MAX_STEPS)
        at_least(self, 0, "average", most=MANY)
        if self.average > self.pretune_steps:
            raise ConfigError(
                f"average: must be at most train.pretune_steps {self.pretune_steps}, "
                f"after each of which there is one checkpoint; got {self.average}. "
                f"Use fewer, or set it to 0."
            )
        at_least(self, 0, "num_random", "frozen_layers", most=1024)
        positive(self, "learning_rate", "head_learning_rate", "clip_norm")
        positive(self, "kd_temperature", "rounds_learning_rate")
        positive(self, "relation_temperature", most=100)
        positive(self, "layer_decay", most=1)
        fraction(self, "warmup_fraction", "dropout", "label_smoothing", "temperature")
        at_least(self, 0, "task_temperature", most=1)
        require_shares(self.augment)
        self._require_rows_apart()
        for name in ("method", "warm_up_method"):
            if getattr(self, name) == "rdrop" and not self.dropout:
                raise ConfigError(
                    f"dropout: must be above 0 where train.{name} is rdrop, which "
                    f"learns from what dropout changes; got 0. Set it, or use finetune."
                )

    @property
    def trains_embeddings(self) -> bool:
        """Whether the word embeddings are ever trained."""
        is_frozen = self.freeze_embeddings or self.frozen_layers > 0
        return self.tunes == "all" and not is_frozen

    def _require_rows_apart(self) -> None:
        """Nothing that looks at the rows of a batch side by side, if it is in parts."""
        for name in ("kd_layers", "kd_relation"):
            if self.accumulate > 1 and getattr(self, name):
                raise ConfigError(
                    f"accumulate: must be 1 where train.{name} compares the rows of a "
                    f"batch, which parts of it do not have; got {self.accumulate}. "
                    f"Leave it out, or set train.{name} to 0."
                )
