"""XQuAD: a part of SQuAD's dev set, translated by professionals."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Squad

DATA_SET = DataSet(
    name="xquad",
    task="qa",
    title="Cross-lingual Question Answering Dataset",
    source="https://github.com/google-deepmind/xquad",
    paper="Artetxe, Ruder and Yogatama 2020, https://arxiv.org/abs/1910.11856",
    licence="CC-BY-SA-4.0",
    format=Squad(),
    files=(Files("xquad.{language}.json"),),
    splits={"test": ("test",)},
    hub=Hub(
        "google/xquad",
        config="xquad.{language}",
        splits={"test": "validation"},
        columns={"id": "id"},
    ),
    quirks=(
        "For evaluation only; train on SQuAD or on TyDi QA's English.",
        "Parallel: the same id is the same question in every language.",
        "English comes from SQuAD's dev set, so do not choose a model on that.",
    ),
)
