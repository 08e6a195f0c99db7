"""MLQA: questions on sentences that are aligned in Wikipedia's languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Squad

DATA_SET = DataSet(
    name="mlqa",
    task="qa",
    title="MultiLingual Question Answering",
    source="https://github.com/facebookresearch/MLQA",
    paper="Lewis et al. 2020, https://arxiv.org/abs/1910.07475",
    licence="CC-BY-SA-3.0",
    format=Squad(),
    files=(Files("{split}/{split}-context-{language}-question-{language}.json"),),
    splits={"dev": ("dev",), "test": ("test",)},
    quirks=(
        "The folder is MLQA_V1; only files with question and context in one language "
        "are read.",
        "The languages are parallel in parts: not every question is in every one.",
        "It has its own rules for normalising answers: see tasks.mlqa.",
        "Its hub entry, facebook/mlqa, is a script, which `datasets` 4 does not run: "
        "download MLQA_V1.zip instead.",
    ),
)
