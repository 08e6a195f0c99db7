"""Parameter files and checkpoints."""

from xlnas_jax.checkpoint.steps import Checkpoints as Checkpoints
from xlnas_jax.checkpoint.steps import CheckpointWarning as CheckpointWarning
from xlnas_jax.checkpoint.steps import read_part as read_part
from xlnas_jax.checkpoint.trees import load_tree as load_tree
from xlnas_jax.checkpoint.trees import save_tree as save_tree
