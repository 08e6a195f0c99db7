"""FLORES-200: 2,009 sentences in 200 languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Lines

DATA_SET = DataSet(
    name="flores200",
    task="parallel",
    title="FLORES-200 evaluation benchmark",
    source="https://github.com/facebookresearch/flores/tree/main/flores200",
    paper="NLLB Team 2022, https://arxiv.org/abs/2207.04672",
    licence="CC-BY-SA-4.0",
    format=Lines(),
    files=(
        Files("{split}/{language}.{split}"),
        Files("{language}.{split}"),
    ),
    splits={"dev": ("dev",), "test": ("devtest",)},
    quirks=(
        "The folder is flores200_dataset. Its test split is hidden: `test` is devtest.",
        "Akan has two files (aka and twi) that cannot be told apart: neither is read.",
        "SIB-200 has the same sentences, with topics.",
    ),
)
