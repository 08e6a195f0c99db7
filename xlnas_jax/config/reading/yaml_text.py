"""YAML of other people: what it may hold, and what it is read as.

Of YAML 1.1 only what a configuration needs: no anchors, which multiply, no tags of
other types, no key twice, and whole numbers as people write them: `010` is no eight
and `1:30` no ninety.
"""

import re
from typing import Any

import yaml

# A configuration has some hundred lines.
MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_INT = "tag:yaml.org,2002:int"


# The one in C where PyYAML was built with it: ten times as fast.
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """Text that is no YAML, or more than a configuration may hold.

    Attributes:
        line: where, counted from 1; 0 where no line is known.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        """Takes the reason in one line, without its full stop."""
        super().__init__(reason)
        self.line = line


def parse_yaml(text: str) -> Any:
    """The value that a text holds.

    Raises:
        YamlError: it holds none, or what is refused here.
    """
    try:
        _require_plain(text)
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise YamlError(" ".join(reason.split()), mark.line + 1 if mark else 0) from (
            error
        )
    # Dates that are none, numbers of thousands of digits, keys that cannot be keys.
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(str(error).splitlines()[0]) from error


def _require_plain(text: str) -> None:
    """An error where it is too large, too deep, or names what it repeats."""
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"at most {MAX_CHARACTERS:,} characters are read")
    depth = 0
    for event in yaml.parse(text, _BaseLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError("anchors and aliases are not used here: write it out", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise YamlError(f"it is nested deeper than {MAX_DEPTH} levels", line)


class _Loader(_BaseLoader):
    """Refuses a key that is given twice; YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen: set[tuple[str, Any]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value[:80]!r} is given twice",
                    problem_mark=key.start_mark,
                )
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    def construct_whole_number(self, node: yaml.ScalarNode) -> Any:
        """A decimal number; what YAML 1.1 has beside it stays text."""
        text = str(self.construct_scalar(node))
        is_decimal = _DECIMAL.fullmatch(text)
        return int(text.replace("_", "")) if is_decimal else text


_Loader.add_constructor(_INT, _Loader.construct_whole_number)
