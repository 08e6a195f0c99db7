"""Reading of safetensors checkpoints, whole or sharded, one tensor at a time."""

import pathlib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError, safe_open

from xlnas_jax.files import read_json
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import (
    Rule,
    Sizes,
    Tensor,
    from_stored,
    whole_shape,
)
from xlnas_jax.supernet.names import INDEX, WEIGHTS
from xlnas_jax.types import CheckpointError, brief

PICKLE = "pytorch_model.bin"
FLOATS = ("F32", "F16", "BF16", "F64")

# Of whatever family they are.
_TASK_PARTS = (
    *("cls.", "lm_head.", "classifier.", "qa_outputs."),
    *("lm_predictions.", "mask_predictions."),
)
_BUFFERS = ("position_ids", "token_type_ids")


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one model directory.

    Attributes:
        stored: for each name (LayerNorms always `.weight` and `.bias`), the file
            and the name it has there.
        encoder: what the names of the encoder's tensors begin with.
    """

    directory: pathlib.Path
    stored: Mapping[str, tuple[pathlib.Path, str]]
    encoder: str

    def name(self, rule: Rule, layer: int = 0) -> str:
        """The full name of a rule's tensor in this checkpoint."""
        return rule.source.format(encoder=self.encoder, layer=layer)

    def holds(self, *rules: Rule) -> bool:
        """Whether all these tensors are there; shapes are not looked at."""
        return all(self.name(rule) in self.stored for rule in rules)

    def rows(self, rule: Rule) -> int:
        """Length of a stored tensor's first axis."""
        path, inside = self._find(self.name(rule))
        with safe_open(path, framework="np") as file:
            return file.get_slice(inside).get_shape()[0]

    def read(self, rule: Rule, sizes: Sizes, layer: int = 0) -> Tensor:
        """One tensor, in float32 and with our axes."""
        name = self.name(rule, layer)
        path, inside = self._find(name)
        with safe_open(path, framework="np") as file:
            view = file.get_slice(inside)
            dtype, found = view.get_dtype(), tuple(view.get_shape())
        expected = whole_shape(rule, sizes)
        if found != expected:
            raise CheckpointError(
                f"{self.directory}: tensor {name!r} must have shape {expected}, as "
                f"config.json says; found {found}. Use the configuration that belongs "
                f"to these weights."
            )
        if dtype not in FLOATS:
            raise CheckpointError(
                f"{self.directory}: tensor {name!r} must be stored as one of "
                f"{', '.join(FLOATS)}; found {dtype}. Use a checkpoint that is not "
                f"quantised."
            )
        # NumPy itself has no bfloat16; JAX brings one.
        framework = "flax" if dtype == "BF16" else "np"
        with safe_open(path, framework=framework) as file:
            stored = np.asarray(file.get_tensor(inside))
        with np.errstate(over="ignore"):  # what overflows is told below
            tensor = stored.astype(np.float32)
        if not np.isfinite(tensor).all():
            raise CheckpointError(
                f"{self.directory}: tensor {name!r} must hold finite numbers; got "
                f"{int((~np.isfinite(tensor)).sum())} that are not. These weights are "
                f"damaged, or overflowed when they were saved: get them again."
            )
        place, count = rule.part
        own = np.split(tensor, count)[place] if count > 1 else tensor
        return from_stored(own, rule.layout, sizes)

    def warn_unused(self, used: Iterable[str], heads: tuple[str, ...]) -> None:
        """Warns of tensors that neither `used` nor a known head or buffer explains.

        Args:
            heads: what the names of tensors of the family's own heads begin with.
        """
        known = (*_TASK_PARTS, *heads, f"{self.encoder}pooler.")
        unused = [
            name
            for name in sorted(self.stored.keys() - set(used))
            if not name.startswith(known) and not name.endswith(_BUFFERS)
        ]
        if unused:
            warnings.warn(
                f"{self.directory}: every tensor should belong to the encoder that "
                f"config.json describes or to a known head; ignored {len(unused)}, "
                f"such as {', '.join(unused[:3])}. Check num_hidden_layers and "
                f"model_type.",
                stacklevel=3,
            )

    def _find(self, name: str) -> tuple[pathlib.Path, str]:
        if name not in self.stored:
            raise CheckpointError(
                f"{self.directory}: tensor {name!r} must be there; not found among "
                f"{len(self.stored)} tensors. Check that the checkpoint is complete "
                f"and of the model type that config.json states."
            )
        return self.stored[name]


def open_checkpoint(directory: pathlib.Path, family: Family) -> Checkpoint:
    """Reads the names of a directory's tensors."""
    word_table = family.embeddings[0].source.format(encoder="")
    stored = {}
    for path in _files(directory):
        try:
            with safe_open(path, framework="np") as file:
                stored |= {_modern(name): (path, name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path}: it must be a readable safetensors file; got {error}. Check "
                f"that it is complete, and no Git LFS pointer."
            ) from error
    ends = [name for name in stored if name.endswith(word_table)]
    if len(ends) != 1:
        raise CheckpointError(
            f"{directory}: one encoder must be there, with one tensor "
            f"{word_table!r} under any prefix; found {len(ends)} such among "
            f"{len(stored)} tensors. Use a checkpoint of the family {family.name}."
        )
    return Checkpoint(directory, stored, ends[0].removesuffix(word_table))


def _modern(name: str) -> str:
    """The name without TensorFlow's terms, which the oldest BERTs still use."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    return name.replace("LayerNorm.beta", "LayerNorm.bias")


def _files(directory: pathlib.Path) -> list[pathlib.Path]:
    """The weight file, or the shards that the index names."""
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    if (directory / INDEX).is_file():
        return _shards(directory)
    if (directory / PICKLE).is_file() or any(directory.glob("pytorch_model-*.bin")):
        raise CheckpointError(
            f"{directory}: weights must be safetensors; got only {PICKLE}, a pickle, "
            f"and reading one runs whatever code it holds. If you trust it, convert "
            f"it once: load it with `transformers` and call `save_pretrained`."
        )
    raise CheckpointError(
        f"{directory}: it must hold {WEIGHTS} or {INDEX}; got neither. Save the model "
        f"with `save_pretrained`, or choose one that is published as safetensors."
    )


def _shards(directory: pathlib.Path) -> list[pathlib.Path]:
    index = read_json(directory / INDEX, CheckpointError, "Download it again.")
    try:
        names = sorted(set(index["weight_map"].values()))
        paths = [directory / name for name in names]
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{directory / INDEX}: it must map tensors to files under `weight_map`; "
            f"got {type(error).__name__}: {brief(str(error))}. Download it again."
        ) from error
    outside = [name for name in names if pathlib.PurePath(name).name != name]
    if outside:
        raise CheckpointError(
            f"{directory / INDEX}: every shard must lie beside it; got "
            f"{brief(outside[0])}. Download it again."
        )
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise CheckpointError(
            f"{directory}: every shard that {INDEX} names must be there; missing "
            f"{', '.join(missing)}. Complete the download."
        )
    return paths
