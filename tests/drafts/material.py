"""Data files of a newcomer: three languages in one table, or files apart."""

import json
from pathlib import Path

CODES = ("en", "fr", "swh")
WORDS = {
    "en": ("a good day", "a bad day"),
    "fr": ("une bonne journée", "un mauvais jour"),
    "swh": ("siku njema", "siku mbaya"),
}


def rows(sizes: tuple[int, ...] = (90, 60, 40)) -> list[dict[str, str]]:
    """Labelled rows; so many of each language."""
    return [
        {
            "lang": code,
            "review": f"{WORDS[code][n % 2]} and {n} more of them",
            "sentiment": ("good", "bad")[n % 2],
        }
        for code, size in zip(CODES, sizes, strict=True)
        for n in range(size)
    ]


def write_table(path: Path, given: list[dict[str, str]]) -> str:
    """TSV, CSV or JSONL, by the name."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
        return str(path)
    separator = "\t" if path.suffix == ".tsv" else ","
    lines = [separator.join(given[0]), *(separator.join(r.values()) for r in given)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)
