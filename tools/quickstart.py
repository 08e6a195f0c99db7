"""The quickstart: a search from a real encoder, or from nothing where there is none.

    python tools/quickstart.py

The encoder comes from the local cache of the hub, the hub, or a wheel. Where none of
them can be reached, names in 15 languages are searched on with a model from nothing,
which needs no download.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from xlnas_jax.cli.main import INTERRUPTED, main  # noqa: E402
from xlnas_jax.config.model import PretrainedModel  # noqa: E402
from xlnas_jax.config.reading.file import load_config  # noqa: E402
from xlnas_jax.supernet.locate import resolve  # noqa: E402
from xlnas_jax.types import XlnasError  # noqa: E402

REAL, SCRATCH = "configs/quickstart.yaml", "configs/quickstart_scratch.yaml"


def chosen() -> str:
    """The configuration whose encoder can be had."""
    model = load_config(ROOT / REAL).model
    assert isinstance(model, PretrainedModel)
    try:
        resolve(model.path, model.revision)
    except XlnasError as error:
        print(f"quickstart: {error} Until then: {SCRATCH}.", file=sys.stderr)
        return SCRATCH
    return REAL


if __name__ == "__main__":
    try:
        config = chosen()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run_dir = ROOT / "runs" / Path(config).stem
    main(["search", str(ROOT / config), "--run-dir", str(run_dir)])
