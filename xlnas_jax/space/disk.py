"""Bytes of a network as it is written for another runtime, before anything is run.

What is counted is the folder of one export form: the weights, with the graph where
there is one, and the tokenizer, which of a small network is a good part of it. Weights
are counted to the byte; what stands around them (names, nodes) by what it takes in the
mean, which is less than a hundredth of all.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from xlnas_jax.config.cost import DiskForm
from xlnas_jax.config.export import Dtype
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape
from xlnas_jax.space.stage import Stage

DISK = "disk_mb"
BYTES_PER_MB = 1_000_000
SIZES = {"fp32": 4, "bf16": 2}
_FLOAT = SIZES["fp32"]
# Of a graph: what each array takes beside its numbers, its nodes included; and, where
# a product is of 8 bits, what the nodes that scale it take.
_AROUND, _AROUND_INT8 = 160, 1_000
# Of each layer whose scores are by distances: nodes that make them of the table.
_AROUND_DISTANCES = 2_000
# Of each column of such a product: a scale, and where zero is.
_COLUMN = 5
# `config.json`, and what tokenizers ask for beside `tokenizer.json`.
_SETTINGS = 2_000
# Updates of low rank are merged into what they are added to, but in `flax`.
_MERGED = "rank"
# Of each piece: which row it has; in `flax` these are a tree of their own.
_ROW, _ROWS_BESIDE = 4, 1_740
# Of each array there: its names and sizes; and what lies beside the arrays.
_NAMED, _BESIDE = 470, 14_000


@dataclass(frozen=True)
class Disk:
    """How large networks are in one form.

    Attributes:
        form: of export, with layers at their own sizes.
        tokenizer_bytes: of its file.
        dtype: of weights in `flax`; the others have their own.
    """

    form: DiskForm
    tokenizer_bytes: int
    dtype: Dtype = "fp32"

    @property
    def float_bytes(self) -> int:
        """Of a number that is not in 8 bits."""
        return SIZES[self.dtype] if self.is_flax else _FLOAT

    @property
    def is_flax(self) -> bool:
        """The model itself, all of whose parameters are written as they are."""
        return self.form == "flax"

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
            is_merged = _MERGED in names and not self.is_flax
            if is_merged or not (shape.spec.has(path) and count(path)):
                continue
            if self.is_flax:
                total += self.float_bytes * count(path) + _NAMED
                continue
            total += _AROUND
            field, _, last = path.rpartition(".")
            if self._is_int8 and last == "kernel":
                columns = count(f"{field}.bias")
                total += count(path) + _COLUMN * columns + _AROUND_INT8
            else:
                total += _FLOAT * count(path)
        if shape.relative_rows and "query.kernel" in axes and not self.is_flax:
            total += _AROUND_DISTANCES * (1 + self._is_int8)
        return total

    def fixed(
        self, shape: EncoderShape, head_params: int, rows: int | None = None
    ) -> int:
        """Bytes of all but the layers: embeddings, the head, and the tokenizer.

        Args:
            head_params: of the head that is written.
            rows: of the word table, where pieces share some; that they do is written
                beside it.
        """
        width, norms = shape.width, shape.outer_norms * shape.norm_size
        rows = shape.vocab_size if rows is None else rows
        shared = _ROW * shape.vocab_size + _AROUND if rows < shape.vocab_size else 0
        if self.is_flax:
            tables = shape.table_rows - shape.word_rows + rows
            held = tables * width + norms + head_params
            around = 12 * _NAMED + _BESIDE + shared + _ROWS_BESIDE * (shared > 0)
            return self.float_bytes * held + around + self.tokenizer_bytes
        words = rows * (width + _FLOAT) if self._is_int8 else _FLOAT * rows * width
        # A single segment is added to the positions, if there are any.
        table = shape.position_rows
        if shape.reads_segments:
            table += shape.num_segments
        elif shape.spec.has_segments and not table:
            table = 1
        table += shape.relative_rows
        rest = _FLOAT * (table * width + norms + head_params)
        around = _AROUND * (8 + 4 * (shape.spec.positions == FROM_PADDING)) + shared
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
