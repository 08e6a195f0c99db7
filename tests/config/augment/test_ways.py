"""Augmentation in a configuration: read as written, or refused in one paragraph."""

import pytest
import yaml

from tests.config.test_ranges import MINIMAL
from xlnas_jax.config.augment.pairs import OwnPairs
from xlnas_jax.config.augment.translators import (
    DictionaryTranslator,
    HubTranslator,
    PairWordsTranslator,
)
from xlnas_jax.config.augment.ways import BackTranslation, CodeSwitch
from xlnas_jax.config.reading.file import dump_config, parse_config
from xlnas_jax.types import ConfigError

FILES = "{kind: dictionary, path: 'muse/{source}-{target}.txt'}"
SWITCH = f"kind: code_switch, translator: {FILES}"
VECTORS = "kind: vector_words, path: '{language}.vec'"


def parse(entries: str):
    train = {"augment": yaml.safe_load(entries)}
    return parse_config({**MINIMAL, "train": train})


def test_entries_are_read_in_their_order_and_written_back() -> None:
    config = parse(
        f"""
        - {{{SWITCH}, languages: [fr, sw], rate: 0.7, share: 0.5}}
        - kind: back_translation
          translator: {{kind: hf, path: "opus-{{source}}-{{target}}", beams: 4}}
          languages: [de]
          share: 0.25
        - kind: code_switch
          translator: {{kind: pair_words, pairs: {{kind: ids}}, least: 20}}
          share: 0.25
          mode: replace
        """
    )
    first, second, third = config.train.augment
    path = "muse/{source}-{target}.txt"
    assert first == CodeSwitch(
        DictionaryTranslator(path), languages=("fr", "sw"), rate=0.7, share=0.5
    )
    assert isinstance(second, BackTranslation)
    assert second.translator == HubTranslator("opus-{source}-{target}", beams=4)
    assert third.translator == PairWordsTranslator(OwnPairs(), least=20)
    assert parse_config(yaml.safe_load(dump_config(config))) == config


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (f"{SWITCH}, rate: 1.5", r"augment\[0\]\.rate: must lie in \[0, 1\]; got 1.5"),
        (f"{SWITCH}, sentence_rate: -1", r"sentence_rate: must lie in \[0, 1\]"),
        (f"{SWITCH}, share: 0", r"augment\[0\]\.share: must be above 0; got 0"),
        (f"{SWITCH}, share: 1.1", r"share: must be at most 1; got 1.1"),
        (f"{SWITCH}, languages: [fr, fr]", r"languages: entries must differ"),
        (f"{SWITCH}, mode: swap", r"mode: must be one of add, replace"),
        ("kind: code_switch", r"augment\[0\]\.translator: must be given"),
        ("kind: mixing", r"augment\[0\]\.kind: must be one of code_switch"),
        (
            "kind: code_switch, translator: {kind: dictionary, path: words.txt}",
            r"translator\.path: must contain \{source\} and \{target\} once",
        ),
        (
            f"kind: code_switch, translator: {{{VECTORS}, mapping: supervised}}",
            r"translator\.seed: must name dictionaries",
        ),
        (
            f"kind: code_switch, translator: {{{VECTORS}, seed: x}}",
            r"translator\.seed: must name dictionaries.*got 'x' with aligned",
        ),
        (
            "kind: code_switch, translator: {kind: vector_words, path: x}",
            r"translator\.path: must contain \{language\}",
        ),
        (
            f"kind: back_translation, translator: {FILES}, ratio: 0.5",
            r"augment\[0\]\.ratio: must lie in \[1, 100\]",
        ),
        (
            f"kind: back_translation, translator: {FILES}, overlap: 2",
            r"augment\[0\]\.overlap: must lie in \[0, 1\]",
        ),
    ],
)
def test_values_out_of_range_are_refused(entry: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        parse(f"[{{{entry}}}]")
    assert "\n" not in str(error.value)


def test_no_row_serves_twice() -> None:
    half = f"{{{SWITCH}, share: 0.5}}"
    assert len(parse(f"[{half}, {half}]").train.augment) == 2
    third = f"{{{SWITCH}, share: 0.1}}"
    with pytest.raises(ConfigError, match=r"train\.augment: the shares.*got 1\.1"):
        parse(f"[{half}, {half}, {third}]")
    tenths = ", ".join([third] * 10)  # whose sum is not 1 in floating point
    assert len(parse(f"[{tenths}]").train.augment) == 10
