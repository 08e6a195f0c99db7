"""A whole experiment: the sections of a YAML file, and what binds them together.

Each section is a file of this package. A dataclass checks its own values, so that
nothing is compiled before the whole file is known to be sound. Sections with a `kind`
are one of several dataclasses.
"""

from dataclasses import dataclass, field

from xlnas_jax.config.augment.translate_test import TranslateTestConfig
from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.config.controller import AnyController, ReinforceController
from xlnas_jax.config.cost import ConstraintsConfig, CostConfig
from xlnas_jax.config.data import AnyData
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.config.ranges import LARGEST, at_least
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tasks import TaskConfig, require_texts
from xlnas_jax.config.texts import OWN, AnyTexts
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.config.transfer import TransferConfig
from xlnas_jax.types import ConfigError, brief


@dataclass(frozen=True)
class Config:
    """A whole experiment.

    Attributes:
        languages, data, language_heads, texts: of a search on one task.
        tasks: of a search on several, by name; instead of those four.
        skip_bad_rows: pass over faulty rows and count them, instead of refusing.
    """

    model: PretrainedModel | ScratchModel
    languages: LanguagesConfig | None = None
    data: AnyData | None = None
    language_heads: bool = False
    texts: tuple[AnyTexts, ...] = OWN
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    skip_bad_rows: bool = False
    seed: int = 0
    tokens: TokensConfig = TokensConfig()
    space: SpaceConfig = SpaceConfig()
    cost: CostConfig = CostConfig()
    constraints: ConstraintsConfig = ConstraintsConfig()
    train: TrainConfig = TrainConfig()
    search: SearchConfig = SearchConfig()
    finalists: FinalistsConfig = FinalistsConfig()
    few_shot: FewShotConfig = FewShotConfig()
    transfer: TransferConfig = TransferConfig()
    translate_test: TranslateTestConfig | None = None
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
        _require_parts(self)
        if self.evaluate.tuning is not None and not self.search.finalists:
            raise ConfigError(
                "evaluate.tuning: needs search.finalists, since the weights that "
                "candidates are scored by are not kept; got 0. Give at least 1."
            )
        for name in self.tasks:
            if not name.replace("_", "a").replace("-", "a").isalnum():
                raise ConfigError(
                    f"tasks: names must be of letters, digits, - and _, since they "
                    f"name directories; got {brief(name)}."
                )
        if self.tasks:
            given = [n for n in ("languages", "data") if getattr(self, n) is not None]
            given += ["language_heads"] if self.language_heads else []
            given += ["texts"] if self.texts != OWN else []
            if given:
                raise ConfigError(
                    "tasks: with several tasks, languages, data, language_heads and "
                    f"texts are given for each of them; got {given} beside tasks. "
                    f"Move them into each task."
                )
        else:
            require_texts(self.texts)
            for name in ("languages", "data"):
                if getattr(self, name) is None:
                    raise ConfigError(f"{name}: must be given; it has no default.")

    @property
    def every_task(self) -> dict[str, TaskConfig]:
        """The tasks by name; a search on one task calls it `task`."""
        if self.tasks:
            return self.tasks
        assert self.languages is not None and self.data is not None
        only = TaskConfig(
            self.languages,
            self.data,
            language_heads=self.language_heads,
            texts=self.texts,
        )
        return {"task": only}


def _require_parts(config: Config) -> None:
    """Batches of networks trained alone can be cut in as many parts as others."""
    count, tuning = config.train.accumulate, config.evaluate.tuning
    sizes = {
        "finalists": config.finalists.batch_size,
        "few_shot": config.few_shot.batch_size,
        "evaluate.tuning": None if tuning is None else tuning.batch_size,
    }
    for section, size in sizes.items():
        if size is not None and size % count:
            raise ConfigError(
                f"{section}.batch_size: train.accumulate {count} must divide it; got "
                f"{size}. Use {size - size % count or count}, or another number of "
                f"parts."
            )
