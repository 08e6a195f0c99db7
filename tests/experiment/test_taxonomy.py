"""Every strategy declares what it is; senseless combinations are refused by name."""

import dataclasses
import typing

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import AnyController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.evaluate import EvaluateConfig, HalvingConfig, TuningConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.methods.gates import GatesConfig
from xlnas_jax.config.methods.mixup import MixupConfig
from xlnas_jax.config.methods.translations import IdTranslations
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.controllers.registry import STRATEGIES
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.types import ConfigError

TUNED = SpaceConfig(tuned=(0.0, 1.0))
MIX = SpaceConfig(mix=(0, 1))
KINDS = {config().kind: config for config in typing.get_args(AnyController)}


def test_every_strategy_that_can_be_configured_is_declared():
    assert set(STRATEGIES) == set(KINDS)


def given(kind: str, *objectives: str, **changes) -> Config:
    config = tiny_config(controller=KINDS[kind](), **changes)
    search = dataclasses.replace(config.search, objectives=objectives)
    return dataclasses.replace(config, search=search)


def alone(kind: str) -> Config:
    """One candidate a round."""
    config = given(kind, "error", "flops")
    search = dataclasses.replace(config.search, population=1)
    return dataclasses.replace(config, search=search)


def trained_alone(kind: str, **changes) -> Config:
    """Candidates are trained before they are scored; some layers may not be."""
    config = tiny_config(controller=KINDS[kind](), **{"space": TUNED, **changes})
    return dataclasses.replace(
        config,
        search=dataclasses.replace(
            config.search, objectives=("loss", "flops"), finalists=1
        ),
        evaluate=EvaluateConfig(tuning=TuningConfig()),
    )


def test_random_search_may_score_one_candidate_at_a_time():
    assert prepare(alone("random")).config.search.population == 1


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            given("random", "error", space=SpaceConfig(elastic_depth=False)),
            "nothing to search",
        ),
        (given("nsga2", "error"), "error is the only objective"),
        (alone("reinforce"), r"search\.population: .*at least 2 for .*'reinforce'"),
        (alone("autoregressive"), "whose baseline is the others; got 1"),
        (
            given("more_params", "error", "flops", constraints=ConstraintsConfig()),
            "only ever proposes the full network",
        ),
        (
            given("random", "error", "flops", export=ExportConfig(pick="bset")),
            r"export\.pick.*got 'bset'\. Did you mean 'best'\?",
        ),
        (
            given("random", "error", "flops", export=ExportConfig(pick="0123456789A")),
            r"got '0123456789A'\. Use best",
        ),
        (
            given("random", "error", "flops", export=ExportConfig(center=True)),
            r"export\.center: must be false where no translations",
        ),
        (
            given("random", "error", "flops", train=TrainConfig(frozen_layers=3)),
            r"train\.frozen_layers: must be at most 2.*; got 3",
        ),
        (
            given("random", "error", "flops", train=TrainConfig(tunes="adapters")),
            r"train\.tunes: adapters must be in the space.*space\.adapter",
        ),
        (
            given("random", "error", "tuned_params"),
            r"search\.objectives: tuned_params differ.*got no space\.tuned",
        ),
        (given("random", "error", space=TUNED), r"space\.tuned.*no evaluate\.tuning"),
        (
            trained_alone("darts"),
            r"controller: darts.*space\.tuned; got \[0\.0, 1\.0\]",
        ),
        (
            trained_alone("random", train=TrainConfig(frozen_layers=1)),
            r"space\.tuned: says itself.*got 1 and all",
        ),
        (
            trained_alone("random", train=TrainConfig(tunes="head")),
            r"space\.tuned: says itself.*got 0 and head",
        ),
        (
            trained_alone("random", train=TrainConfig(method="maml")),
            r"train\.method: maml looks through a step of all layers",
        ),
        (given("random", "error", space=MIX), r"space\.mix.*no evaluate\.tuning"),
        (
            trained_alone("random", space=MIX),
            r"space\.mix: says in which layer.*got sandwich\. Use mixup",
        ),
        (
            trained_alone(
                "random",
                space=MIX,
                train=TrainConfig(
                    method="mixup",
                    mixup=MixupConfig(layers=(0, 1)),
                    translations=IdTranslations(languages=("fr",)),
                ),
            ),
            r"train\.mixup\.layers: must be one layer.*got \[0, 1\]",
        ),
        (given("darts", "worst_loss"), "is not that of 'worst_loss'"),
        (given("gdas", "loss", "error", "flops"), r"cannot see the objectives \['err"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(config, reason):
    with pytest.raises(ConfigError, match=reason) as found:
        prepare(config)
    assert "\n" not in str(found.value)


def test_whatever_a_network_is_called_can_be_picked():
    experiment = prepare(tiny_config())
    rows = experiment.space.flatten(experiment.space.sample_valid(jax.random.key(0), 9))
    for row in np.asarray(rows):
        pick = experiment.space.identifier(row)
        prepare(tiny_config(export=ExportConfig(pick=pick)))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"optuna"}))
def test_a_front_of_error_and_flops_suits_every_strategy(kind):
    prepare(given(kind, "error", "flops"))


def by_method(name: str, *aux_train: str, **train) -> Config:
    config = tiny_config(train=TrainConfig(method=name, **train))
    languages = dataclasses.replace(config.languages, aux_train=aux_train)
    return dataclasses.replace(config, languages=languages)


def test_one_auxiliary_language_is_enough_where_none_is_held_out() -> None:
    prepare(by_method("maml", "fr"))
    prepare(by_method("soft_layers", "fr", "de"))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (by_method("maml"), r"maml learns from auxiliary data.*languages.aux_train"),
        (by_method("soft_layers"), "soft_layers learns from auxiliary data"),
        (
            by_method("soft_layers", "fr"),
            r"languages.aux_train: must name at least 2 .*soft_layers.*got 1",
        ),
        (
            by_method("soft_layers", "fr", "de", gates=GatesConfig("frozen")),
            r"train.gates.frozen_layers: must be at most 2, .*got 3",
        ),
        (
            by_method("maml", "fr", accumulate=2),
            r"train.method: maml .*accumulate 1; got 0, all and 2",
        ),
        (
            by_method("maml", "fr", frozen_layers=1),
            r"train.method: maml .*frozen_layers must be 0.*got 1",
        ),
    ],
)
def test_what_a_method_cannot_learn_from_is_refused(config, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        prepare(config)


UNLABELLED = dataclasses.replace(tiny_config().languages, unlabelled=("pt", "nl"))


@pytest.mark.parametrize("option", ["method", "warm_up_method"])
def test_languages_are_made_alike_batch_by_batch(option: str) -> None:
    train = dataclasses.replace(
        tiny_config().train, **{option: "adversarial", "accumulate": 2}
    )
    with pytest.raises(ConfigError, match=r"accumulate: must be 1 .*adversarial"):
        prepare(tiny_config(languages=UNLABELLED, train=train))


def test_text_of_the_warm_up_has_no_translation_beside_it() -> None:
    train = dataclasses.replace(
        tiny_config().train,
        **{"method": "mixup", "warm_up_method": "adversarial"},
        translations=IdTranslations(),
    )
    with pytest.raises(ConfigError, match=r"must not be adversarial .*mixup"):
        prepare(tiny_config(languages=UNLABELLED, train=train))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            tiny_config(
                train=TrainConfig(method="distill"), constraints=ConstraintsConfig()
            ),
            r"train.method: distill learns from teacher data.*train.pretune_steps",
        ),
        (
            given("random", "divergence", "flops", train=TrainConfig()),
            r"train.pretune_steps: must be above 0.*divergence",
        ),
        (
            tiny_config(
                train=TrainConfig(), constraints=ConstraintsConfig(divergence=0.1)
            ),
            r"train.pretune_steps: must be above 0.*divergence",
        ),
        (
            tiny_config(
                languages=UNLABELLED,
                train=dataclasses.replace(tiny_config().train, method="finetune"),
            ),
            r"languages.unlabelled: must be of use.*finetune",
        ),
        (
            tiny_config(
                train=dataclasses.replace(
                    tiny_config().train, warm_up_method="adversarial"
                )
            ),
            r"train.warm_up_method: adversarial learns from unlabelled data",
        ),
        (
            given(
                "random",
                "divergence",
                "flops",
                evaluate=EvaluateConfig(halving=HalvingConfig()),
            ),
            "evaluate: race and halving",
        ),
        (
            given("darts", "divergence", "flops"),
            "controller: darts follows the gradient of the mean auxiliary loss",
        ),
    ],
)
def test_what_needs_a_teacher_or_text_and_has_none_is_refused(config, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        prepare(config)


def test_what_the_space_adds_can_be_all_that_is_tuned() -> None:
    space = dataclasses.replace(tiny_config().space, lora=(0, 2))
    config = given("random", "error", "flops", space=space)
    for tunes in ("adapters", "head"):
        train = dataclasses.replace(config.train, tunes=tunes, frozen_layers=2)
        assert prepare(dataclasses.replace(config, train=train))
