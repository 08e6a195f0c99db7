"""A prefix is a line of text, and the file must quote it."""

import pytest

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import parse_config
from xlnas_jax.config.reading.yaml_text import parse_yaml
from xlnas_jax.types import ConfigError


def given(tokens: str) -> Config:
    text = (
        "languages: {source: en, aux_heldout: [fr], target: [de]}\n"
        "data: {kind: cldr}\nmodel: {kind: scratch}\n"
    )
    return parse_config(parse_yaml(f"{text}tokens: {tokens}\n"))


def test_a_prefix_is_kept_as_it_is_written() -> None:
    assert given('{prefix: "query: "}').tokens.prefix == "query: "
    assert given("{}").tokens.prefix == ""


@pytest.mark.parametrize("prefix", ['" "', '"a\\nb"', '"\\t"', "x" * 201, '"\\e[31m"'])
def test_what_is_no_line_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match=r"tokens\.prefix: must be empty, or a prin"):
        given(f"{{prefix: {prefix}}}")


def test_a_prefix_without_quotes_is_told_to_be_text() -> None:
    with pytest.raises(ConfigError, match=r"tokens\.prefix: must be text"):
        given("{prefix: {query: }}")
