"""The contract of an export form: what is written, and proved by whom."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.export.subnet import Subnet

# What is computed of each text, as another library does it.
Outputs = list[Float[np.ndarray, "..."]]


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
    """

    name: str
    loaded_by: str
    modules: tuple[str, ...]
    advice: str
    refuse: Callable[[Subnet], str | None]
    write: Callable[[Subnet, Path], None]
    run: Callable[[Path, Subnet, Sequence[str], int], Outputs]
