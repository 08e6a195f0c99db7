"""Search strategies behind one contract, one algorithm per file."""

from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.controllers.registry import make_controller

__all__ = ["Controller", "Told", "make_controller"]
