"""The public face: few names, all there, and cheap to import."""

import subprocess
import sys

import pytest

import xlnas_jax


def test_every_public_name_can_be_had():
    for name in xlnas_jax.__all__:
        assert getattr(xlnas_jax, name) is not None
    assert set(xlnas_jax.__all__) <= set(dir(xlnas_jax))


def test_public_names_are_few():
    assert len(xlnas_jax.__all__) <= 25


def test_public_names_are_the_objects_themselves():
    from xlnas_jax.export.artifact.load import load
    from xlnas_jax.types import XlnasError

    assert xlnas_jax.load is load
    assert issubclass(xlnas_jax.CheckpointError, XlnasError)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = xlnas_jax.serach


def test_import_loads_no_heavy_library():
    code = "import sys, xlnas_jax; print({'jax', 'flax', 'orbax'} & sys.modules.keys())"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"
