"""A pretraining is refused where its parts do not fit together."""

import dataclasses
from typing import Any

import pytest

from xlnas_jax.config.config import Config
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import parse_as
from xlnas_jax.types import ConfigError

TEXTS = [{"kind": "lines", "path": "{language}.txt"}]
PAIRS = [{"kind": "set", "name": "tatoeba", "path": "x"}]


def parse(**pretrain: Any) -> Pretraining:
    section = {"languages": ["en", "fr"], "texts": TEXTS, "pairs": PAIRS, **pretrain}
    return parse_as(Pretraining, {"model": {"kind": "scratch"}, "pretrain": section})


def test_losses_that_count_are_in_their_order_with_their_weights():
    section = parse(ranking=0.5, tlm=2).pretrain
    assert section.counted == {"mlm": 1.0, "tlm": 2.0, "ranking": 0.5}
    assert section.reads_texts and section.reads_pairs
    assert not parse(mlm=0, tlm=1).pretrain.reads_texts
    assert not parse().pretrain.reads_pairs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mlm": 0}, r"^pretrain.mlm: some loss must count"),
        ({"texts": []}, r"^pretrain.texts: at least one place of plain text"),
        ({"tlm": 1, "pairs": []}, r"^pretrain.pairs: at least one place of trans"),
        ({"ranking": 1, "batch_size": 1}, r"^pretrain.batch_size: must be at least 2"),
        (
            {"source": "de"},
            "^pretrain.source: must be of pretrain.languages",
        ),
        ({"into": ["de"]}, r"^pretrain.into: must be of pretrain.languages; got 'de'"),
        ({"into": ["en"]}, r"^pretrain.into: the source is not translated into itself"),
        ({"tlm": 1, "languages": ["en"]}, r"^pretrain.languages: must name others"),
        (
            {"texts": [{"kind": "own"}]},
            r"^pretrain.texts\[0\].kind: must be one of",
        ),
        ({"mask_rate": 0.95}, r"^pretrain.mask_rate: must be at most 0.9"),
    ],
)
def test_what_does_not_fit_together_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(**options)


def test_sections_that_it_shares_with_a_search_are_the_same():
    search = {field.name: field.type for field in dataclasses.fields(Config)}
    own = {field.name: field.type for field in dataclasses.fields(Pretraining)}
    shared = own.keys() - {"pretrain"}
    assert {name: own[name] for name in shared} == {
        name: search[name] for name in shared
    }
