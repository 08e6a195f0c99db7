"""`xlnas export`: a point of a finished run becomes a model directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True)
class Export:
    """Write a point of a finished search as a model that loads in one line.

    Attributes:
        run_dir: the run directory of a finished search.
        out: where the model is written, or of a search over several tasks one
            directory for each of them; an older export is replaced.
        pick: `best` (lowest error), `knee`, `smallest`, or the id of a point.
        formats: what to write.
    """

    run_dir: Annotated[Path, tyro.conf.Positional]
    out: Path
    pick: str = "best"
    formats: Literal["flax"] = "flax"

    def run(self) -> None:
        """Prints the path of the model."""
        from xlnas_jax.run.again import export_run

        print(export_run(self.run_dir, self.pick, self.out))
