"""Forms of networks whose pieces share rows of the word table."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.export.forms.networks import ROLES, network
from tests.export.rows import sharing
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.forms.registry import FORMS, TOLERANCE, write_form
from xlnas_jax.export.words import with_all_rows
from xlnas_jax.space.disk import Disk

LANGUAGES = ["de", "am"]
# Of a table that is a good part of the network.
WIDE = {"width": 192, "num_heads": 6, "head_dim": 32, "ffn": 96}
CLOSE = 0.003


def bytes_below(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def disk_bytes(disk: Disk, shape) -> int:
    return disk.fixed(dataclasses.replace(shape, words=None), 0, shape.word_rows)


@pytest.mark.parametrize(
    "form, task",
    [
        ("onnx", "classification"),
        ("stablehlo", "tagging"),
        ("hf", "classification"),
        ("sentence-transformers", "retrieval"),
    ],
)
def test_every_form_gives_the_same(tokenizer, tmp_path, form: str, task: str) -> None:
    for module in FORMS[form].modules:
        pytest.importorskip(module)
    plain = network(tokenizer, task, "bert", sizes=WIDE)
    shared = sharing(plain)
    apart = write_form(shared, form, tmp_path / "shared", LANGUAGES)
    assert apart <= TOLERANCE
    # They are what is written, not the network without them.
    logits = zip(shared.logits_of(["Paris"]), plain.logits_of(["Paris"]), strict=True)
    assert max(np.abs(one - other).max() for one, other in logits) > 1e-2
    (tmp_path / "whole").mkdir()
    FORMS[form].write(with_all_rows(shared), tmp_path / "whole" / form)
    whole, found = (bytes_below(tmp_path / name) for name in ("whole", "shared"))
    if not FORMS[form].shares_words:
        assert found == whole
        return
    assert found < whole
    if form != "stablehlo":
        disk = Disk("onnx", 0)
        saved = disk_bytes(disk, with_all_rows(shared).shape)
        saved -= disk_bytes(disk, shared.shape)
        assert whole - found == pytest.approx(saved, abs=CLOSE * whole)


def test_a_model_saves_the_bytes_that_were_counted(tokenizer, tmp_path) -> None:
    shared = sharing(network(tokenizer, "tagging", "bert", sizes=WIDE))
    given = {"architecture": {}, "card": Written("# A model\n", ROLES)}
    found = [
        bytes_below(save_artifact(tmp_path / name, one, **given))
        for name, one in (("whole", with_all_rows(shared)), ("shared", shared))
    ]
    disk = Disk("flax", 0)
    saved = disk_bytes(disk, with_all_rows(shared).shape)
    saved -= disk_bytes(disk, shared.shape)
    assert found[0] - found[1] == pytest.approx(saved, rel=CLOSE)


def test_rows_in_eight_bits_are_those_of_the_whole_table(tokenizer, tmp_path) -> None:
    form = FORMS["onnx-int8"]
    for module in form.modules:
        pytest.importorskip(module)
    shared = sharing(network(tokenizer, "tagging", "bert", sizes=WIDE))
    whole = with_all_rows(shared)
    said = []
    for name, one in (("whole", whole), ("shared", shared)):
        (tmp_path / name).mkdir()
        form.write(one, tmp_path / name / form.name)
        said.append(form.run(tmp_path / name / form.name, one, ["Paris", "Peru"], 2))
    for ours, theirs in zip(*said, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    disk = Disk("onnx-int8", 0)
    saved = disk_bytes(disk, whole.shape) - disk_bytes(disk, shared.shape)
    all_bytes = bytes_below(tmp_path / "whole")
    fewer = all_bytes - bytes_below(tmp_path / "shared")
    assert fewer == pytest.approx(saved, abs=CLOSE * all_bytes)
