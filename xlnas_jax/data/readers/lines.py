"""Text files as lines, numbered as an editor numbers them."""

from pathlib import Path

from xlnas_jax import files
from xlnas_jax.types import DataError

# In characters of a file, in bytes of what is predicted: above any document, and far
# below what a tokenizer takes without end.
MAX_LINE = 10_000_000
# 8 GiB: what claims to be larger is a hole, or no text.
MAX_FILE = 1 << 33
BOM = "\ufeff"


def read_text(path: str) -> str:
    """The text of a UTF-8 file, without byte-order mark; line ends are kept.

    Raises:
        DataError: it is no regular file, cannot be read or is not UTF-8.
    """
    advice = (
        "Check data.path and the permissions; what is not UTF-8 is converted by "
        "iconv -t UTF-8."
    )
    return files.read_text(path, DataError, advice, most=MAX_FILE)


def read_texts(path: Path) -> list[str]:
    """The texts of a plain file, one a line; lines without any are none.

    Raises:
        DataError: it cannot be read, or holds no text.
    """
    advice = "What is not UTF-8 is converted by iconv -t UTF-8."
    content = files.read_text(path.expanduser(), DataError, advice, most=MAX_FILE)
    lines = [line for line in split_lines(content) if line.strip()]
    if not lines:
        raise DataError(f"{path}: must hold texts, one a line; got none.")
    return lines


def split_lines(text: str) -> list[str]:
    """Lines without their ends: LF, CRLF or, in a file without any LF, CR alone.

    Not `splitlines`: it would also cut at separators that stand inside a text, as a
    CR does in a file of other line ends.
    """
    if "\n" not in text:
        lines = text.split("\r")
    else:
        lines = [line.rstrip("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines
