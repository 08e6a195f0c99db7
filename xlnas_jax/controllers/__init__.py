"""Search strategies behind one contract, one algorithm per file."""

from xlnas_jax.controllers.base import Controller, Setting, Told
from xlnas_jax.controllers.registry import make_controller

__all__ = ["Controller", "Setting", "Told", "make_controller"]
