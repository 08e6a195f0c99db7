"""What the guides say can be done: every block of code on every page is run."""

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.fences import Page, read_page
from tests.docs.reader import Reader, check_sections, lines_of

DOCS = REPOSITORY / "docs"
NAMES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
PAGES = {name: read_page(DOCS, name) for name in NAMES}
WITH_CODE = [name for name, page in PAGES.items() if page.blocks]
# Blocks that cannot be run wherever the tests are: each says why.
MOST_NOT_RUN = 3
LANGUAGES = {"bash", "python", "yaml"}


def way_to(name: str) -> list[Page]:
    """The pages that are read before, and the page itself."""
    page = PAGES[name]
    return [*(way_to(page.after) if page.after else []), page]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory):
    """By the page that begins: whoever reads on from there, and what was read."""
    found: dict[str, tuple[Reader, set[str]]] = {}

    def reader_of(first: str) -> tuple[Reader, set[str]]:
        if first not in found:
            folder, tools = (tmp_path_factory.mktemp(n) for n in ("reader", "tools"))
            found[first] = Reader(folder, tools), set()
        return found[first]

    return reader_of


# Of so few texts as there are here a tokenizer does not learn much.
@pytest.mark.filterwarnings("ignore:the tokenizer should know most")
@pytest.mark.parametrize("name", WITH_CODE)
def test_what_a_page_says_can_be_done(name: str, readers) -> None:
    way = way_to(name)
    reader, done = readers(way[0].name)
    for page in way:
        if page.name not in done:
            done.add(page.name)
            for block in page.blocks:
                if not block.reason:
                    reader.do(block)


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    every = [block for page in PAGES.values() for block in page.blocks]
    left_out = [block for block in every if block.reason]
    assert len(left_out) <= MOST_NOT_RUN
    assert all(len(block.reason.split()) >= 4 for block in left_out)
    assert len(every) - len(left_out) >= 25


def test_blocks_are_of_what_can_be_run() -> None:
    for page in PAGES.values():
        for block in page.blocks:
            assert block.title or block.language in LANGUAGES, block.place


def test_a_page_is_read_whole(tmp_path: Path) -> None:
    text = (
        "<!-- goes on from guides/first.md -->\n\n"
        "```bash\nxlnas a \\\n  --b\n# why\nxlnas c\n```\n"
        "<!-- not run: there is no such machine -->\n"
        '```python title="x.py"\n1\n```\n'
    )
    (tmp_path / "page.md").write_text(text)
    page = read_page(tmp_path, "page.md")
    shell, python = page.blocks
    assert page.after == "guides/first.md"
    assert lines_of(shell.text) == ["xlnas a    --b", "xlnas c"]
    assert (shell.place, shell.reason) == ("page.md:3", "")
    assert (python.title, python.reason) == ("x.py", "there is no such machine")
    (tmp_path / "page.md").write_text(f"{text}\n  ```bash\n  xlnas\n  ```\n")
    with pytest.raises(AssertionError, match="fences must be whole"):
        read_page(tmp_path, "page.md")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("bash", "xlnas serach\n"),
        ("bash", "xlnas --version | grep nothing\n"),
        ("python", "import xlnas_jax\nxlnas_jax.serach\n"),
        ("yaml", "search: {rouds: 3}\n"),
        ("rust", "fn main() {}\n"),
    ],
)
def test_a_block_that_is_wrong_fails(language: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"```{language}\n{text}```\n")
    (block,) = read_page(tmp_path, "page.md").blocks
    (tmp_path / "tools").mkdir()
    # An unknown command ends the parser, and with it whoever runs it.
    with pytest.raises((Exception, SystemExit)):
        Reader(tmp_path, tmp_path / "tools").do(block)


def test_sections_are_held_against_the_options_there_are() -> None:
    check_sections("controller: {kind: predictor, pool: 64}\nsearch: {rounds: 2}\n")
