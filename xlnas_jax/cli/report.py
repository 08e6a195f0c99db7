"""`xlnas report`: what runs were and found, as one page and its pictures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.terminal.text import make_console, say


@dataclass(frozen=True)
class Report:
    """Write report.html, one file that opens anywhere, and its plots as PNG and SVG.

    A run may be going on: what there is of it is shown. Of several runs everything
    stands side by side, and those that differ by seed alone are taken together.

    Attributes:
        runs: directories that `xlnas search` wrote.
        out: where the page and the folder `plots` go; into the run, or beside the runs
            of one folder, if not given.
        json: print all that is drawn as one JSON object; then nothing is written
            unless --out says where.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    out: Path | None = None
    json: bool = False

    def run(self) -> None:
        """Prints where everything is, or the object."""
        from xlnas_jax.report.content import make_content
        from xlnas_jax.report.found import read_found
        from xlnas_jax.report.pictures import require_drawing
        from xlnas_jax.report.write import place_of, write_report

        is_written = self.out is not None or not self.json
        if is_written:
            require_drawing()
            place_of(self.runs, self.out)
        content = make_content(read_found(self.runs))
        console = make_console(stderr=self.json)
        if is_written:
            page, *plots = write_report(content, place_of(self.runs, self.out))
            for run in content["runs"]:
                say(console, f"{run['label']}: {run['state']}")
            say(console, f"Report: {page}")
            if plots:
                say(console, f"{len(plots)} plots: {plots[0].parent}")
        if self.json:
            print(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2))
