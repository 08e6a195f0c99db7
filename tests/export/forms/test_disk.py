"""What is written has the size that was counted before."""

from pathlib import Path

import numpy as np
import pytest

from tests.export.forms.networks import ROLES, cut
from xlnas_jax.export.artifact.artifact import Written, save_artifact
from xlnas_jax.export.forms.registry import FORMS
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.disk import DISK, Disk

pytest.importorskip("onnxruntime")
# Of a network large enough that its weights are most of it.
WIDE = {"width": 192, "num_heads": 6, "head_dim": 32, "ffn": 768}
CLOSE = 0.01


def bytes_below(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


@pytest.mark.parametrize("form", ["onnx", "onnx-int8"])
@pytest.mark.parametrize(
    "task, family, changes",
    [
        ("classification", "bert", {"heads": (6, 2, 4), "pooling": "attentive"}),
        ("classification", "deberta-v2", {"heads": (6, 2, 4)}),
        (
            "tagging",
            "xlm-roberta",
            {"heads": (2, 0, 6), "adapter": (0, 64), "prefix": (0, 3), "lora": (0, 8)},
        ),
    ],
)
def test_a_folder_has_the_bytes_that_were_counted(
    tokenizer, tmp_path, form, task, family, changes
) -> None:
    subnet, space, row = cut(tokenizer, task, family, sizes=WIDE, **changes)
    disk = Disk(form, len(tokenizer.to_text().encode()))
    head = HeadSize(len(subnet.labels), task == "tagging")
    costs = CostModel(space, subnet.shape, (head,), length=8, disk=disk)
    counted = costs.counted(row[None])[DISK][0]
    FORMS[form].write(subnet, tmp_path / form)
    found = bytes_below(tmp_path / form) / 1e6
    assert counted == pytest.approx(found, rel=CLOSE)
    # It grows with what is kept, which a constant would not.
    full = np.asarray(space.flatten(space.largest()))[None]
    assert costs.counted(full)[DISK][0] > 1.1 * counted


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "task, family, changes",
    [
        ("classification", "gte", {"heads": (6, 2, 4), "pooling": "attentive"}),
        ("retrieval", "deberta-v2", {"heads": (6, 2, 4)}),
        (
            "tagging",
            "xlm-roberta",
            {"heads": (2, 0, 6), "adapter": (0, 64), "prefix": (0, 3), "lora": (0, 8)},
        ),
    ],
)
def test_a_model_has_the_bytes_that_were_counted(
    tokenizer, tmp_path, dtype, task, family, changes
) -> None:
    subnet, space, row = cut(tokenizer, task, family, sizes=WIDE, **changes)
    subnet.dtype = dtype
    disk = Disk("flax", len(tokenizer.to_text().encode()), dtype)
    gives_vectors = task == "retrieval"
    head = HeadSize(len(subnet.labels), task == "tagging", 0, gives_vectors)
    costs = CostModel(space, subnet.shape, (head,), length=8, disk=disk)
    counted = costs.counted(row[None])[DISK][0]
    given = {"architecture": {}, "card": Written("# A model\n" * 300, ROLES)}
    found = bytes_below(save_artifact(tmp_path / "model", subnet, **given)) / 1e6
    assert counted == pytest.approx(found, rel=CLOSE)
    full = np.asarray(space.flatten(space.largest()))[None]
    assert costs.counted(full)[DISK][0] > 1.1 * counted
