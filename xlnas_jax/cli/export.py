"""`xlnas export`: a point of a finished run becomes a model directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.config.export import Dtype


@dataclass(frozen=True)
class Export:
    """Write a point of a finished search as a model that loads in one line.

    Attributes:
        run_dir: the run directory of a finished search.
        out: where the model is written, or of a search over several tasks one
            directory for each of them; an older export is replaced.
        pick: `best` (lowest error), `knee`, `smallest`, or the id of a point.
        formats: what is written beside the model itself (`flax`): `hf` for
            `transformers`, `sentence-transformers`, `onnx` and `onnx-int8` for ONNX
            Runtime, `stablehlo` for any JAX; each is loaded by that library and gives
            the same outputs (in 8 bits nearly), or nothing is written.
        dtype: of the weights of the model, of `hf`, `sentence-transformers` and
            `stablehlo`; that of the run's `export.dtype` if not given.
    """

    run_dir: Annotated[Path, tyro.conf.Positional]
    out: Path
    pick: str = "best"
    formats: tuple[str, ...] = ("flax",)
    dtype: Dtype | None = None

    def run(self) -> None:
        """Prints the path of the model."""
        from xlnas_jax import api

        given = self.run_dir, self.out, self.pick, self.formats
        print(api.export(*given, dtype=self.dtype, show=True))
