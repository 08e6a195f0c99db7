"""The blocks of code on a page, and what stands before them."""

import re
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]*) -->\n)?"
    r"^```(?P<language>\w*)(?P<options>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_AFTER = re.compile(r"^<!-- goes on from (\S+\.md) -->$", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
# As any page would be read, whatever stands in it: a fence of its own line.
_OPEN = re.compile(r"^ *(?:```|~~~)", re.MULTILINE)


class Block(NamedTuple):
    """One block.

    Attributes:
        place: page and line. title: the file that it is, if it is one.
        reason: why it is not run; "" where it is.
    """

    place: str
    language: str
    title: str
    text: str
    reason: str


class Page(NamedTuple):
    """A page's blocks in order.

    Attributes:
        after: the page whose folder it goes on in; None where it begins anew.
    """

    name: str
    blocks: tuple[Block, ...]
    after: str | None


def read_page(folder: Path, name: str) -> Page:
    """The page of that name below a folder."""
    text = (folder / name).read_text(encoding="utf-8")
    blocks = []
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        title = _TITLE.search(found["options"])
        blocks.append(
            Block(
                f"{name}:{line}",
                found["language"],
                title[1] if title else "",
                found["text"],
                found["reason"] or "",
            )
        )
    # A fence that is indented, or of another kind, would be passed over.
    assert len(_OPEN.findall(text)) == 2 * len(blocks), f"{name}: fences must be whole"
    after = _AFTER.search(text)
    return Page(name, tuple(blocks), after[1] if after else None)
