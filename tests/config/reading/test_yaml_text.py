"""YAML is read as people mean it, and in bounded time."""

import pytest

from xlnas_jax.config.reading.yaml_text import YamlError, parse_yaml

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        (LAUGHS, "anchors and aliases", 1),
        ("a: 1\nb: *a", "anchors and aliases", 2),
        ("a:\n- " + "[" * 100, "deeper than 32", 2),
        ("a: 1\nb: 2\na: 3", "key 'a' is given twice", 3),
        ("a: 2026-13-45", "month must be in 1..12", 0),
        ("? [1]\n: 2", "unhashable key", 1),
        ("a: !!python/object/apply:os.system [ls]", "could not determine", 1),
        ("a: \x00", "characters are not allowed", 0),
        ("a: 'b", "end of stream", 1),
        ("\ta: 1", "cannot start any token", 1),
        ("a" * 1_000_001, "at most 1,000,000 characters", 0),
    ],
)
def test_what_is_refused_is_named_with_its_line(text, reason, line) -> None:
    with pytest.raises(YamlError, match=reason) as found:
        parse_yaml(text)
    assert found.value.line == line
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("1_000", 1000),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("no", False),
        ("'no'", "no"),
        ("{a: [1, b]}", {"a": [1, "b"]}),
        ("1" * 400, int("1" * 400)),
        ("1" * 5000, None),
    ],
)
def test_numbers_are_what_people_write(text, value) -> None:
    if value is None:
        with pytest.raises(YamlError, match="digits"):
            parse_yaml(text)
    else:
        assert parse_yaml(text) == value


def test_a_key_is_looked_for_once_and_not_in_all_before_it() -> None:
    # Half a minute of work, if it were.
    text = "".join(f"key{i}: 1\n" for i in range(60_000))
    assert len(parse_yaml(text)) == 60_000
