"""The contract of an export form: what is written, and proved by whom."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.export.subnet import Subnet

# What two libraries may differ by, in float32.
TOLERANCE = 1e-4
# And where one of them computes in bfloat16, as a share of the largest output.
ROUNDED_SHARE = 0.1
# What is computed of each text, as another library does it.
Outputs = list[Float[np.ndarray, "..."]]
# `(tokens, segments, length)`, padded on the right, to what `Subnet.__call__` gives.
Call = Callable[
    [
        Int[np.ndarray, "batch seq"],
        Int[np.ndarray, "batch seq"],
        Int[np.ndarray, "batch"],
    ],
    Float[np.ndarray, "batch *rest"],
]


class Form(NamedTuple):
    """One form.

    Attributes:
        name: of the form, and of the folder that it is written to.
        loaded_by: the library that it is meant for, in words.
        modules: what must be importable for it to be proved.
        advice: what installs them.
        refuse: why a network cannot have this form; None where it can.
        write: into a new folder.
        run: the network as the library reads it, on texts, so many at a time; of each
            text what `Subnet.logits_of` gives.
        share: how much more an output may differ by than rounding does, as a share of
            the largest output: of forms that hold fewer bits.
        open: the network as the library runs it on arrays; None where it is run on
            texts alone.
        shares_words: it holds which rows of the word table pieces share; else each
            piece has its own there.
    """

    name: str
    loaded_by: str
    modules: tuple[str, ...]
    advice: str
    refuse: Callable[[Subnet], str | None]
    write: Callable[[Subnet, Path], None]
    run: Callable[[Path, Subnet, Sequence[str], int], Outputs]
    share: float = 0.0
    open: Callable[[Path, Subnet], Call] | None = None
    shares_words: bool = False
