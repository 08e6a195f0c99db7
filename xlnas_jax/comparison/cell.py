"""One cell of a comparison: the full network, tuned by one method with one seed.

Nothing is searched. All cells of a seed begin with the same weights and take as many
steps of as many rows; targets are read when the weights are final, and nothing is
chosen after. The arm `few_shot` then goes on, from the weights that `finetune` gives,
with a few labelled rows of targets; `translate_test` reads what target texts are in the
source language by the same weights.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.alignment.probe import probe
from xlnas_jax.comparison.kept import digest, scored
from xlnas_jax.comparison.parts import with_languages
from xlnas_jax.comparison.translating import (
    TRANSLATE_TEST,
    translated,
    translations_of,
)
from xlnas_jax.config.augment.ways import AnyWay
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import ReinforceController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.data.augment.learnt import PAPERS
from xlnas_jax.data.pairs import read_text_pairs
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.devices.memory import forget_peak, status_bytes
from xlnas_jax.devices.sharding import (
    local,
    make_mesh,
    place,
    replicate,
    require_divisible,
)
from xlnas_jax.evaluation.layers import encode_layers
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.experiment.weights import import_params
from xlnas_jax.results.few_shot.document import settings_of
from xlnas_jax.results.few_shot.tune import tune_on_targets
from xlnas_jax.results.finish import report
from xlnas_jax.results.scoring import Scores
from xlnas_jax.search.learn import init_method, make_learn
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.base import needs_with
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.types import ConfigError, DivergedError

# In so many parts at most, between which progress is shown.
_PARTS = 20
# Of the last layer; how alike languages are before and after.
ALIGNMENT = ("centroid", "cka")
_PAIRS = 200
# No method of `train`: what it learns from, no zero-shot method may see.
FEW_SHOT = "few_shot"
Told = Callable[[int], None]


class Likeness(NamedTuple):
    """How alike languages are to a network, by task.

    Attributes:
        alignment: by measure and language, how alike translations lie, and languages.
        probe: how often a fresh classifier names a sentence's language (`accuracy`),
            and how often it would by chance.
    """

    alignment: dict[str, dict[str, dict[str, float]]]
    probe: dict[str, dict[str, float]]


class Cell(NamedTuple):
    """A method and a seed.

    Attributes:
        method: a value of `train.method`; or a kind of `train.augment`: plain
            fine-tuning with the entries of that kind, which all others do without; or
            an arm that goes on from plain fine-tuning: `few_shot`, `translate_test`.
    """

    method: str
    seed: int

    @property
    def name(self) -> str:
        """As a file is called after it."""
        return f"{self.method}-s{self.seed}"

    @property
    def trained_by(self) -> str:
        """The value of `train.method`."""
        is_arm = self.method in (FEW_SHOT, TRANSLATE_TEST, *PAPERS)
        return "finetune" if is_arm else self.method


def config_of(config: Config, cell: Cell, steps: int) -> Config:
    """The experiment of a cell: data, languages, model and training, and no search.

    Text without labels takes part where the method learns from it.

    Raises:
        ConfigError: the method learns from a teacher, which is what is compared here;
            or there is no augmentation of that kind, or no rows of targets or no
            translator are given.
    """
    few_shot = config.few_shot if cell.method == FEW_SHOT else FewShotConfig()
    if cell.method == FEW_SHOT and not few_shot.rows:
        raise ConfigError(
            "--methods: few_shot learns from labelled rows of targets, of which there "
            "are none. Give few_shot.rows, or leave it out."
        )
    translate_test = config.translate_test if cell.method == TRANSLATE_TEST else None
    if cell.method == TRANSLATE_TEST and translate_test is None:
        raise ConfigError(
            "--methods: translate_test reads test texts in translation, and no "
            "translator is given. Give translate_test.translator, or leave it out."
        )
    augment = _augmentation(config, cell.method)
    method = method_named(cell.trained_by)
    learns = needs_with(method, config.train) | method.uses
    if "teacher" in learns:
        raise ConfigError(
            f"--methods: must tune the full network; got {cell.method}, by which "
            f"small networks learn from it. Leave it out."
        )
    size = next(n for n in range(min(_PARTS, steps), 0, -1) if steps % n == 0)
    config = dataclasses.replace(
        config,
        seed=cell.seed,
        # Without a warm-up, which would be by a method of its own.
        train=dataclasses.replace(
            config.train,
            method=method.name,
            augment=augment,
            warm_up_method="finetune",
            translations=config.train.translations
            if "translations" in learns
            else None,
            pretune_steps=0,
            average=0,
            rounds_learning_rate=None,
        ),
        search=SearchConfig(rounds=size, weight_steps=steps // size),
        finalists=FinalistsConfig(),
        few_shot=few_shot,
        translate_test=translate_test,
        constraints=ConstraintsConfig(),
        controller=ReinforceController(),
        evaluate=dataclasses.replace(
            config.evaluate, tuning=None, race=None, halving=None
        ),
        export=ExportConfig(),
    )
    if {"unlabelled", "translations"} & learns or augment:
        return config
    # A method that has no use for them is not given languages of text alone.
    return with_languages(config, unlabelled=())


def paper_of(method: str) -> str:
    """What a method of a cell goes back to.

    Raises:
        ConfigError: there is none of that name.
    """
    if method == FEW_SHOT:
        return "Lauscher et al. 2020"
    if method == TRANSLATE_TEST:
        return "Conneau et al. 2018"
    return PAPERS[method] if method in PAPERS else method_named(method).paper


def _arm(config: Config) -> str:
    """The method of a cell, by its experiment."""
    if config.few_shot.rows:
        return FEW_SHOT
    if config.translate_test is not None:
        return TRANSLATE_TEST
    return next((way.kind for way in config.train.augment), config.train.method)


def _augmentation(config: Config, method: str) -> tuple[AnyWay, ...]:
    """The entries of a kind; none where it is a method of training."""
    if method not in PAPERS:
        return ()
    found = tuple(way for way in config.train.augment if way.kind == method)
    if not found:
        raise ConfigError(
            f"--methods: {method} is plain fine-tuning with the entries of that kind "
            f"in train.augment; got none there. Write one, or leave {method} out."
        )
    return found


def run_cell(experiment: Experiment, tell: Told = lambda done: None) -> dict[str, Any]:
    """Tunes, then tests.

    Args:
        tell: is told how many steps are done.

    Returns:
        What `comparison.summary` reads: scores and statistics of every test item of
        every language, alignment and probes before and after, what it cost.
    """
    mesh = make_mesh(experiment.config.devices)
    require_divisible(mesh, experiment.config.train)
    forget_peak()
    fsdp = experiment.config.devices.fsdp
    start = import_params(experiment)
    before = likeness(experiment, start)
    config, zero_shot = experiment.config, None
    full = experiment.space.largest_row
    begun = time.perf_counter()
    with CompileCounter() as compiles:
        params = local(_tuned(experiment, place(mesh, start, fsdp), mesh, tell))
        if config.few_shot.rows:
            zero_shot = params
            params = local(tune_on_targets(experiment, params, full))
    seconds = time.perf_counter() - begun
    after = likeness(experiment, params)
    networks = [params] if zero_shot is None else [params, zero_shot]
    translations = translations_of(experiment)
    tested = report(
        experiment,
        [(lambda own=own: own, full) for own in networks],
        changes=translations or None,
    )
    return {
        **_few_shot(experiment, tested.networks[1:]),
        **translated(experiment, translations),
        "config": digest(config),
        "method": _arm(config),
        "seed": config.seed,
        "steps": config.search.rounds * config.search.weight_steps,
        "batch_size": config.train.batch_size,
        "tasks": {part.name: described(experiment, part) for part in experiment.parts},
        "languages": {c: scored(one) for c, one in tested.networks[0].items()},
        "alignment": {"before": before.alignment, "after": after.alignment},
        "probe": {"before": before.probe, "after": after.probe},
        "seconds": {"tuning": seconds, "compilation": compiles.seconds},
        "peak_bytes": status_bytes("VmHWM"),
    }


def _few_shot(
    experiment: Experiment, before: Sequence[Mapping[str, Scores]]
) -> dict[str, Any]:
    """What was learnt from targets, and the scores before; nothing where none was."""
    if not before:
        return {}
    metrics = {column: one.metrics for column, one in before[0].items()}
    return {FEW_SHOT: {**settings_of(experiment), "zero_shot": metrics}}


def _tuned(
    experiment: Experiment, params: SharedParams, mesh: Any, tell: Told
) -> SharedParams:
    """The weights after all steps.

    Raises:
        DivergedError: they are not finite, or the loss is not.
    """
    train, search = experiment.config.train, experiment.config.search
    rows = replicate(mesh, training_rows(experiment))
    optimizer = make_optimizer(train, params, search.rounds * search.weight_steps)
    learn = make_learn(experiment, rows, optimizer, mesh)
    learner = init_learner(params, optimizer, init_method(experiment))
    learner = place(mesh, learner, experiment.config.devices.fsdp)
    for number in range(search.rounds):
        learner, loss = learn(learner, number)
        if not np.isfinite(float(loss)):
            raise DivergedError(
                f"train.method {train.method}, seed {experiment.config.seed}: the loss "
                f"and the weights must stay finite; within "
                f"{(number + 1) * search.weight_steps} steps they did not. Use a lower "
                f"train.learning_rate than {train.learning_rate:g}."
            )
        tell((number + 1) * search.weight_steps)
    return learner.params


def likeness(experiment: Experiment, params: SharedParams) -> Likeness:
    """How alike languages lie in the last layer, of every language with a role.

    Where `transfer.parallel` says what is a translation; no label is read.
    """
    found = Likeness({}, {})
    if experiment.config.transfer.parallel is not None:
        for part in experiment.parts:
            alignment, accuracy = _alike(experiment, part, params.of_task(part.name))
            found.alignment[part.name] = alignment
            found.probe[part.name] = accuracy
    return found


def _alike(
    experiment: Experiment, part: TaskPart, params: Any
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    config, source = experiment.config, part.roles.source
    assert config.transfer.parallel is not None
    given = config.transfer.parallel, part.source, part.roles
    found: dict[str, dict[str, float]] = {name: {} for name in ALIGNMENT}
    languages = part.roles.all[1:]
    pairs = {
        code: read_text_pairs(*given, code, _PAIRS, config.skip_bad_rows)
        for code in languages
    }
    texts = [side for own in pairs.values() for pair in own for side in pair[1:]]
    vectors = encode_layers(experiment, part, params, texts)[-1]
    by_meaning: dict[str, dict[str, np.ndarray]] = {source: {}}
    start = 0
    for code, own in pairs.items():
        ours, theirs = (
            vectors[start : start + 2 * len(own)]
            .reshape(len(own), 2, -1)
            .swapaxes(0, 1)
        )
        start += 2 * len(own)
        for name in ALIGNMENT:
            found[name][part.codes[code]] = MEASURES[name].run(ours, theirs)
        meanings = [pair.id for pair in own]
        by_meaning[code] = dict(zip(meanings, theirs, strict=True))
        by_meaning[source] |= dict(zip(meanings, ours, strict=True))
    return found, probe(by_meaning)._asdict()


def described(experiment: Experiment, part: TaskPart) -> dict[str, Any]:
    """What is said of a task: its metric, and which columns play which part."""
    roles = part.roles

    def columns(codes: tuple[str, ...]) -> list[str]:
        return [experiment.column(part, code) for code in codes]

    return {
        "primary": part.task.primary,
        "kind": part.task.kind,
        "roles": {
            "source": columns((roles.source,)),
            "aux_train": columns(roles.aux_train),
            "aux_heldout": columns(roles.aux_heldout),
            "target": columns(roles.target),
        },
    }
