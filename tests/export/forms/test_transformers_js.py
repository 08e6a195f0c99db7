"""transformers.js gives what the network gives, in another language's runtime."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.export.forms.networks import LABELS, network
from xlnas_jax.export.forms.registry import FORMS, TOLERANCE

pytest.importorskip("onnxruntime")
TOOL = Path(__file__).parents[3] / "tools" / "transformers_js"
TEXTS = ["Paris the river", "мир", "old people of many ዓለም"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("node") or not (TOOL / "node_modules").is_dir(),
        reason="needs node, and `npm install --prefix tools/transformers_js`",
    ),
]


def run(folder: Path, task: str, dtype: str) -> dict:
    done = subprocess.run(
        ["node", "check.mjs", str(folder), task, dtype],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
        cwd=TOOL,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("task", LABELS)
def test_outputs_are_those_of_the_network(tokenizer, tmp_path, task) -> None:
    subnet = network(tokenizer, task)
    FORMS["onnx"].write(subnet, tmp_path / "made")
    found = run(tmp_path / "made", task, "fp32")
    for given, ours in zip(found["outputs"], subnet.logits_of(TEXTS), strict=True):
        theirs = np.stack(given, axis=-1) if task == "qa" else np.asarray(given[0])
        np.testing.assert_allclose(theirs, ours, atol=TOLERANCE)
    if LABELS[task]:
        assert tuple(found["labels"].values()) == LABELS[task]


def test_8_bits_are_those_of_onnx_runtime(tokenizer, tmp_path) -> None:
    subnet, form = network(tokenizer, "classification"), FORMS["onnx-int8"]
    form.write(subnet, tmp_path / "made")
    found = run(tmp_path / "made", "classification", "q8")
    theirs = [given[0] for given in found["outputs"]]
    ours = form.run(tmp_path / "made", subnet, TEXTS, 1)
    np.testing.assert_allclose(theirs, ours, atol=1e-3)
    assert np.abs(np.asarray(theirs) - subnet.logits(TEXTS)).max() > TOLERANCE
