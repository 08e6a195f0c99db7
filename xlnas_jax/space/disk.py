"""Bytes of a network as it is written for another runtime, before anything is run.

What is counted is the folder of one export form: the graph with its weights, and the
tokenizer, which of a small network is a good part of it. Weights are counted to the
byte; what stands around them (names, nodes) by what it takes in the mean, which is less
than a hundredth of all.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from xlnas_jax.config.cost import DiskForm
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape
from xlnas_jax.space.stage import Stage

DISK = "disk_mb"
BYTES_PER_MB = 1_000_000
_FLOAT = 4
# Of a graph: what each array takes beside its numbers, its nodes included; and, where
# a product is of 8 bits, what the nodes that scale it take.
_AROUND, _AROUND_INT8 = 160, 1_000
# Of each column of such a product: a scale, and where zero is.
_COLUMN = 5
# `config.json`, and what tokenizers ask for beside `tokenizer.json`.
_SETTINGS = 2_000
# Updates of low rank are merged into what they are added to.
_MERGED = "rank"


@dataclass(frozen=True)
class Disk:
    """How large networks are in one form.

    Attributes:
        form: of export, with layers at their own sizes.
        tokenizer_bytes: of its file.
    """

    form: DiskForm
    tokenizer_bytes: int

    def of_stage(
        self, stage: Stage, shape: EncoderShape, values: Mapping[str, int]
    ) -> int:
        """Bytes of one stage with these values of its knobs."""
        if stage.is_absent(values):
            return 0
        sizes = {"model": shape.width, "head_dim": shape.head_dim}
        sizes |= {axis: values[knob] for knob, axis in stage.units}
        axes = {path: names.split() for path, names in stage.axes}
        sizes |= {"mark": shape.num_marks, "mate": shape.group_size}

        def count(path: str) -> int:
            return math.prod(sizes[name] for name in axes[path])

        total = 0
        for path, names in axes.items():
            is_there = shape.spec.has(path) and _MERGED not in names and count(path)
            if not is_there:
                continue
            total += _AROUND
            field, _, last = path.rpartition(".")
            if self._is_int8 and last == "kernel":
                columns = count(f"{field}.bias")
                total += count(path) + _COLUMN * columns + _AROUND_INT8
            else:
                total += _FLOAT * count(path)
        return total

    def fixed(self, shape: EncoderShape, head_params: int) -> int:
        """Bytes of all but the layers: embeddings, the head, and the tokenizer.

        Args:
            head_params: of the head that is written.
        """
        rows, width = shape.vocab_size, shape.width
        words = rows * (width + _FLOAT) if self._is_int8 else _FLOAT * rows * width
        # A single segment is added to the positions, if there are any.
        table = shape.position_rows
        if shape.reads_segments:
            table += shape.num_segments
        elif shape.spec.has_segments and not table:
            table = 1
        norms = shape.outer_norms * shape.norm_size
        rest = _FLOAT * (table * width + norms + head_params)
        around = _AROUND * (8 + 4 * (shape.spec.positions == FROM_PADDING))
        return words + rest + around + self.tokenizer_bytes + _SETTINGS

    @property
    def _is_int8(self) -> bool:
        return self.form == "onnx-int8"


def most_bytes(limit: int | float) -> int:
    """The most bytes within a limit in megabytes."""
    most = int(limit * BYTES_PER_MB) + 1
    while most / BYTES_PER_MB > limit:
        most -= 1
    return most
