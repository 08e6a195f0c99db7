"""Frozen configuration: every option with its default and its meaning.

A YAML file becomes a `Config` through `load_config`; each dataclass checks its
own values, so that nothing is compiled before the whole file is known to be
sound. Sections with a `kind` are one of several dataclasses; those of the data
stand in `config_data`, strategies in `config_controllers`, how a search is run in
`config_run`.
"""

from dataclasses import dataclass, field
from typing import Literal

from xlnas_jax.config_controllers import AnyController as AnyController
from xlnas_jax.config_controllers import (
    AutoregressiveController as AutoregressiveController,
)
from xlnas_jax.config_controllers import DartsController as DartsController
from xlnas_jax.config_controllers import GdasController as GdasController
from xlnas_jax.config_controllers import MoreParamsController as MoreParamsController
from xlnas_jax.config_controllers import Nsga2Controller as Nsga2Controller
from xlnas_jax.config_controllers import OptunaController as OptunaController
from xlnas_jax.config_controllers import PredictorController as PredictorController
from xlnas_jax.config_controllers import RandomController as RandomController
from xlnas_jax.config_controllers import (
    RegularisedEvolutionController as RegularisedEvolutionController,
)
from xlnas_jax.config_controllers import ReinforceController as ReinforceController
from xlnas_jax.config_controllers import UniformController as UniformController
from xlnas_jax.config_data import AnyData as AnyData
from xlnas_jax.config_data import CipherData as CipherData
from xlnas_jax.config_data import CldrData as CldrData
from xlnas_jax.config_data import HubData as HubData
from xlnas_jax.config_data import MixData as MixData
from xlnas_jax.config_data import SetData as SetData
from xlnas_jax.config_data import TableData as TableData
from xlnas_jax.config_run import CheckpointConfig as CheckpointConfig
from xlnas_jax.config_run import DevicesConfig as DevicesConfig
from xlnas_jax.config_run import EscapeConfig as EscapeConfig
from xlnas_jax.config_run import EvaluateConfig as EvaluateConfig
from xlnas_jax.config_run import ExportConfig as ExportConfig
from xlnas_jax.config_run import HalvingConfig as HalvingConfig
from xlnas_jax.config_transfer import TransferConfig as TransferConfig
from xlnas_jax.ranges import (
    HUGE,
    LARGEST,
    MANY,
    MAX_STEPS,
    at_least,
    distinct,
    divides,
    fraction,
    positive,
)
from xlnas_jax.types import ConfigError, brief

# Of a text, a batch: above what any encoder takes, below what overflows a count.
MAX_TOKENS = 2**16


@dataclass(frozen=True)
class LanguagesConfig:
    """Who is seen when: see `languages.LanguageRoles`."""

    source: str
    aux_heldout: tuple[str, ...]
    target: tuple[str, ...]
    aux_train: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every language as it was spelled, in the order of `LanguageRoles.all`."""
        return (self.source, *self.aux_train, *self.aux_heldout, *self.target)


@dataclass(frozen=True)
class TokensConfig:
    """How text becomes token arrays.

    Attributes:
        max_length: tokens kept of each example, special tokens included; of a
            question, tokens of each window.
        doc_stride: of questions, tokens from the start of one window of the context
            to the start of the next.
        num_buckets, train_buckets: lengths that examples are padded to when scoring
            and when training; more means less padding
            and more compilation.
        max_unk_rate: above this share of `<unk>` tokens a language is warned of.
    """

    max_length: int = 128
    doc_stride: int = 128
    num_buckets: int = 4
    train_buckets: int = 2
    max_unk_rate: float = 0.2

    def __post_init__(self) -> None:
        # Two of them are special tokens.
        at_least(self, 3, "max_length", most=MAX_TOKENS)
        at_least(self, 1, "doc_stride", most=MAX_TOKENS)
        at_least(self, 1, "num_buckets", "train_buckets", most=256)
        fraction(self, "max_unk_rate")


@dataclass(frozen=True)
class PretrainedModel:
    """A BERT, RoBERTa or XLM-R checkpoint in Hugging Face format.

    Attributes:
        path: a directory, a hub id, or `package:NAME` for weights carried by an
            installed Python package.
    """

    path: str
    kind: Literal["pretrained"] = "pretrained"
    revision: str = ""

    def __post_init__(self) -> None:
        distinct(self, "path")


@dataclass(frozen=True)
class ScratchModel:
    """A new encoder, with a Unigram tokenizer trained on the training text."""

    kind: Literal["scratch"] = "scratch"
    layers: int = 4
    width: int = 128
    heads: int = 4
    ffn: int = 512
    vocab_size: int = 4000

    def __post_init__(self) -> None:
        at_least(self, 1, "layers", most=1024)
        at_least(self, 1, "width", "heads", most=2**14)
        at_least(self, 1, "ffn", most=2**17)
        at_least(self, 1, "vocab_size", most=2**23)
        divides(self, "heads", "width")


@dataclass(frozen=True)
class SpaceConfig:
    """What may vary. Choices are listed from small to large.

    Attributes:
        elastic_depth: each layer may be skipped.
        min_layers: fewer kept layers than this is not a valid architecture.
        heads: numbers of attention heads a layer may keep; empty: all only.
        ffn: inner widths a layer may keep; empty: full width only.
        pooling: ways to make one vector of a sentence.
    """

    elastic_depth: bool = True
    min_layers: int = 1
    heads: tuple[int, ...] = ()
    ffn: tuple[int, ...] = ()
    pooling: tuple[str, ...] = ("mean",)

    def __post_init__(self) -> None:
        at_least(self, 1, "min_layers", "heads", "ffn", most=2**17)
        distinct(self, "pooling")


@dataclass(frozen=True)
class ConstraintsConfig:
    """Hard upper limits; absent means no limit.

    Attributes:
        params: parameters of the exported network.
        encoder_params: the same without embeddings and task head.
        flops: floating-point operations of one sentence of `cost.length` tokens.
        memory_bytes: weights and activations of a batch of such sentences.
        latency_ms: milliseconds of such a batch on the machine at hand, measured on
            the exported form.
    """

    params: float | None = None
    encoder_params: float | None = None
    flops: float | None = None
    memory_bytes: float | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        positive(self, "params", "encoder_params", "flops", "memory_bytes", most=HUGE)
        positive(self, "latency_ms")


@dataclass(frozen=True)
class CostConfig:
    """The input that FLOPs and memory are counted and latency is measured for.

    Attributes:
        latency_networks: sub-networks that latency is measured on before a search
            that it takes part in. A model is fitted to half of them and judged by
            the others.
    """

    length: int = 64
    batch_size: int = 1
    latency_networks: int = 48

    def __post_init__(self) -> None:
        at_least(self, 1, "length", "batch_size", most=MAX_TOKENS)
        at_least(self, 4, "latency_networks", most=MANY)


@dataclass(frozen=True)
class TrainConfig:
    """How the shared weights learn.

    Attributes:
        pretune_steps: full-network steps before heads and neurons are reordered
            by importance and sub-networks join in.
        reorder: sort heads and neurons by importance after `pretune_steps`.
        num_random: random sub-networks per step, beside largest and smallest.
        kd_temperature: softness of the in-place distillation targets.
        weight_decay: decoupled; none on biases and LayerNorm.
        precision: of the matrix products; reductions are always fp32.
        temperature: tasks and languages are trained on in proportion to the number
            of their examples to this power.
        freeze_embeddings: leave the word embeddings as they were imported.
        remat: recompute activations in the backward pass of every layer.
    """

    batch_size: int = 32
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    warmup_fraction: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float = 0.1
    label_smoothing: float = 0.0
    pretune_steps: int = 0
    reorder: bool = True
    num_random: int = 2
    kd_temperature: float = 1.0
    temperature: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    freeze_embeddings: bool = False
    remat: bool = False

    def __post_init__(self) -> None:
        at_least(self, 1, "batch_size", most=MAX_TOKENS)
        at_least(self, 0, "weight_decay")
        at_least(self, 0, "pretune_steps", most=MAX_STEPS)
        at_least(self, 0, "num_random", most=1024)
        positive(self, "learning_rate", "head_learning_rate", "clip_norm")
        positive(self, "kd_temperature")
        fraction(self, "warmup_fraction", "dropout", "label_smoothing", "temperature")


@dataclass(frozen=True)
class SearchConfig:
    """The bi-level loop.

    Attributes:
        rounds: how often weights and controller take turns.
        weight_steps: weight updates per round.
        population: candidates scored per round.
        archive_size: candidates remembered; the best fronts stay.
        max_tries: populations asked for before a round runs with the feasible
            candidates it has.
        objectives: what is minimised, as many as wanted; the first must be a transfer
            score. Over auxiliary languages `error`, `loss`, `worst_error` and
            `worst_loss`; of one of them `error:CODE` and `loss:CODE`, or
            `error:TASK/CODE`; `transfer_loss` (see `transfer`); any cost.
        reference: of each objective, what a network must beat to count in the
            hypervolume; see `signals` for what it is where it is left out.
        escape: leave local optima; not at all where absent.
        control: score a random search and uniform scaling at the same budget; of the
            random candidates, as many as were searched, the best is found by halving.
        tested: how many points of the front are scored on test data: the best, the
            smallest and some between them; 0: all.
    """

    rounds: int = 20
    weight_steps: int = 20
    population: int = 16
    archive_size: int = 64
    max_tries: int = 64
    objectives: tuple[str, ...] = ("error", "flops")
    reference: tuple[float, ...] = ()
    escape: EscapeConfig | None = None
    control: bool = True
    tested: int = 4

    def __post_init__(self) -> None:
        at_least(self, 1, "rounds", most=MAX_STEPS)
        at_least(self, 1, "population", "archive_size", "max_tries", most=MANY)
        at_least(self, 0, "weight_steps", "tested", most=MAX_STEPS)
        at_least(self, -LARGEST, "reference", most=HUGE)
        distinct(self, "objectives")


@dataclass(frozen=True)
class TaskConfig:
    """One task of a search over several.

    Attributes:
        weight: factor on the task's share of the training steps.
        language_heads: source and aux_train languages get output layers of their
            own, which add to the shared one; other languages fall back on that.
        tokens: overrides the section of the same name for this task.
    """

    languages: LanguagesConfig
    data: AnyData
    weight: float = 1.0
    language_heads: bool = False
    tokens: TokensConfig | None = None

    def __post_init__(self) -> None:
        positive(self, "weight")


@dataclass(frozen=True)
class Config:
    """A whole experiment.

    Attributes:
        languages, data, language_heads: of a search on one task.
        tasks: of a search on several, by name; instead of those three.
        skip_bad_rows: pass over faulty rows and count them, instead of refusing.
    """

    model: PretrainedModel | ScratchModel
    languages: LanguagesConfig | None = None
    data: AnyData | None = None
    language_heads: bool = False
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    skip_bad_rows: bool = False
    seed: int = 0
    tokens: TokensConfig = TokensConfig()
    space: SpaceConfig = SpaceConfig()
    cost: CostConfig = CostConfig()
    constraints: ConstraintsConfig = ConstraintsConfig()
    train: TrainConfig = TrainConfig()
    search: SearchConfig = SearchConfig()
    transfer: TransferConfig = TransferConfig()
    controller: AnyController = ReinforceController()
    evaluate: EvaluateConfig = EvaluateConfig()
    devices: DevicesConfig = DevicesConfig()
    export: ExportConfig = ExportConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    def __post_init__(self) -> None:
        at_least(self, 0, "seed")
        steps = self.search.rounds * self.search.weight_steps
        if steps + self.train.pretune_steps > LARGEST:
            raise ConfigError(
                f"search.rounds: times search.weight_steps, with train.pretune_steps, "
                f"must be at most {LARGEST:,} steps; got "
                f"{steps + self.train.pretune_steps:,}. Use fewer."
            )
        kind = self.controller.kind
        if kind in ("reinforce", "autoregressive") and self.search.population < 2:
            raise ConfigError(
                f"search.population: must be at least 2 for controller {kind!r}, "
                f"whose baseline is the others; got {self.search.population}."
            )
        for name in self.tasks:
            if not name.replace("_", "a").replace("-", "a").isalnum():
                raise ConfigError(
                    f"tasks: names must be of letters, digits, - and _, since they "
                    f"name directories; got {brief(name)}."
                )
        if self.tasks:
            given = [n for n in ("languages", "data") if getattr(self, n) is not None]
            if given or self.language_heads:
                raise ConfigError(
                    "tasks: with several tasks, languages, data and language_heads "
                    f"are given for each of them; got {given or 'language_heads'} "
                    "beside tasks. Move them into each task."
                )
        else:
            for name in ("languages", "data"):
                if getattr(self, name) is None:
                    raise ConfigError(f"{name}: must be given; it has no default.")

    @property
    def every_task(self) -> dict[str, TaskConfig]:
        """The tasks by name; a search on one task calls it `task`."""
        if self.tasks:
            return self.tasks
        assert self.languages is not None and self.data is not None
        only = TaskConfig(self.languages, self.data, language_heads=self.language_heads)
        return {"task": only}
