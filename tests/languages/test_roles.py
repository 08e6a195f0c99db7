"""Target labels cannot be reached before the report."""

import dataclasses

import pytest

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, LeakError

CONFIG = LanguagesConfig(
    source="eng_Latn", aux_train=("it",), aux_heldout=("fra", "es"), target=("swh",)
)
SPLITS = ("train", "dev", "test")


@pytest.fixture
def roles() -> LanguageRoles:
    return LanguageRoles.from_config(CONFIG)


@pytest.mark.parametrize("phase", ["train", "search", "select"])
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("form", ["sw", "swh", "swh_Latn", "SWA"])
def test_a_target_leaks_in_no_split_phase_or_spelling(
    roles: LanguageRoles, form: str, split, phase
) -> None:
    with pytest.raises(LeakError, match="report") as error:
        roles.require(form, split, phase)
    assert repr(form) in str(error.value)
    assert repr(phase) in str(error.value)


@pytest.mark.parametrize("split", SPLITS)
def test_a_target_may_be_read_for_the_report(roles: LanguageRoles, split) -> None:
    roles.require("sw", split, "report")


def test_rows_go_through_languages_without_a_part_and_those_of_free_text() -> None:
    changes = {"unlabelled": ("fr", "nl", "swh"), "target_text": True}
    roles = LanguageRoles.from_config(dataclasses.replace(CONFIG, **changes))
    for language in ("de", "nl", "fra", "it", "sw"):
        roles.require_passage(language)
    with pytest.raises(LeakError, match=r"may be translated into.*got 'es'"):
        roles.require_passage("es")
    with pytest.raises(LeakError, match="got 'sw'"):
        LanguageRoles.from_config(CONFIG).require_passage("sw")
    with pytest.raises(ConfigError, match="another language than their own"):
        roles.require_passage("en")


@pytest.mark.parametrize("split", SPLITS)
def test_heldout_languages_never_train_weights(roles: LanguageRoles, split) -> None:
    with pytest.raises(LeakError, match="aux_heldout"):
        roles.require("fr", split, "train")
    roles.require("fr", split, "search")


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("language", ["en", "it", "fr", "sw"])
def test_a_check_sees_no_example_of_any_language(
    roles: LanguageRoles, language: str, split
) -> None:
    with pytest.raises(LeakError, match="form of the data alone"):
        roles.require(language, split, "check")


def test_source_dev_may_be_compared_with_while_searching(roles: LanguageRoles) -> None:
    roles.require("eng", "dev", "search")


@pytest.mark.parametrize("language", ["en", "it"])
def test_training_languages_train_but_not_on_their_test_split(
    roles: LanguageRoles, language: str
) -> None:
    roles.require(language, "train", "train")
    with pytest.raises(LeakError, match="test"):
        roles.require(language, "test", "train")


def test_a_language_without_role_cannot_be_read(roles: LanguageRoles) -> None:
    with pytest.raises(ConfigError, match="'de'"):
        roles.require("de", "test", "report")


def test_codes_are_canonical_and_listed_once(roles: LanguageRoles) -> None:
    assert roles.all == ("en", "it", "fr", "es", "sw")


@pytest.mark.parametrize(
    ("change", "both"),
    [
        ({"target": ("en",)}, ("source", "target")),
        ({"target": ("fra_Latn",)}, ("aux_heldout", "target")),
        ({"aux_train": ("es",)}, ("aux_train", "aux_heldout")),
        ({"target": ("sw", "swh")}, ("target", "target")),
    ],
)
def test_two_roles_are_refused_and_named(
    change: dict[str, tuple[str, ...]], both: tuple[str, str]
) -> None:
    with pytest.raises(ConfigError, match=f"in {both[0]} and in {both[1]}"):
        LanguageRoles.from_config(dataclasses.replace(CONFIG, **change))


def test_a_heldout_language_is_needed() -> None:
    with pytest.raises(ConfigError, match="aux_heldout"):
        LanguageRoles.from_config(dataclasses.replace(CONFIG, aux_heldout=()))


UNLABELLED = dataclasses.replace(CONFIG, unlabelled=("fr", "nld"))


def test_text_of_auxiliary_and_of_new_languages_may_be_used_without_labels() -> None:
    roles = LanguageRoles.from_config(UNLABELLED)
    assert roles.text_only == ("nl",)
    assert roles.every == (*roles.all, "nl")
    assert roles.role_of("nl") == "unlabelled"
    assert roles.role_of("fr") == "aux_heldout"
    for language in ("fr", "nl"):
        roles.require_text(language)


@pytest.mark.parametrize("phase", ["check", "train", "search", "select", "report"])
@pytest.mark.parametrize("split", SPLITS)
def test_labels_of_a_language_of_text_alone_are_never_read(split, phase) -> None:
    roles = LanguageRoles.from_config(UNLABELLED)
    with pytest.raises(LeakError):
        roles.require("nl", split, phase)


@pytest.mark.parametrize("language", ["en", "it", "es", "sw"])
def test_text_of_other_languages_may_not(language: str) -> None:
    with pytest.raises(LeakError, match="unlabelled"):
        LanguageRoles.from_config(UNLABELLED).require_text(language)


@pytest.mark.parametrize(
    ("unlabelled", "reason"),
    [
        (("en",), "do not learn from with labels.*source"),
        (("it",), "aux_train"),
        (("sw",), "target_text"),
        (("nl", "nld"), "stand once"),
    ],
)
def test_roles_that_contradict_are_refused(unlabelled, reason: str) -> None:
    config = dataclasses.replace(CONFIG, unlabelled=unlabelled)
    with pytest.raises(ConfigError, match=rf"languages.unlabelled.*{reason}"):
        LanguageRoles.from_config(config)


def test_text_of_a_target_may_be_used_where_it_is_said() -> None:
    config = dataclasses.replace(CONFIG, unlabelled=("sw",), target_text=True)
    roles = LanguageRoles.from_config(config)
    roles.require_text("sw")
    with pytest.raises(LeakError, match="report"):
        roles.require("sw", "train", "train")


def test_rows_of_targets_train_nothing_unless_some_are_asked_for(
    roles: LanguageRoles,
) -> None:
    with pytest.raises(LeakError, match=r"few_shot\.rows is above 0"):
        roles.require("sw", "train", "few_shot")


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("language", ["en", "it", "fr", "sw"])
def test_asked_for_they_are_of_targets_and_train_splits_alone(
    language: str, split
) -> None:
    roles = LanguageRoles.from_config(CONFIG, target_rows=8)
    if (language, split) == ("sw", "train"):
        roles.require(language, split, "few_shot")
        return
    with pytest.raises(LeakError, match="train splits of target languages only"):
        roles.require(language, split, "few_shot")


@pytest.mark.parametrize("phase", ["check", "train", "search", "select"])
def test_asked_for_they_are_closed_to_every_phase_before_the_choice(phase) -> None:
    roles = LanguageRoles.from_config(CONFIG, target_rows=8)
    for split in SPLITS:
        with pytest.raises(LeakError):
            roles.require("sw", split, phase)


def test_a_language_of_text_alone_gives_no_rows_either() -> None:
    roles = LanguageRoles.from_config(UNLABELLED, target_rows=8)
    with pytest.raises(LeakError, match="never read"):
        roles.require("nl", "train", "few_shot")
