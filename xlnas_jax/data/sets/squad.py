"""SQuAD v1.1: English questions on paragraphs of Wikipedia."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Squad

DATA_SET = DataSet(
    name="squad",
    task="qa",
    title="Stanford Question Answering Dataset v1.1",
    source="https://rajpurkar.github.io/SQuAD-explorer/explore/1.1/dev/",
    paper="Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250",
    licence="CC-BY-SA-4.0",
    format=Squad(),
    files=(Files("{split}-v1.1.json", language="en"),),
    splits={"train": ("train",), "dev": ("dev",), "test": ("dev",)},
    hub=Hub(
        "rajpurkar/squad",
        config="{language}",
        names={"en": "plain_text"},
        splits={"train": "train", "dev": "validation", "test": "validation"},
        columns={"id": "id"},
    ),
    quirks=(
        "The test split is not public: `test` is the dev file again, as the field "
        "reports it. Choose nothing on `dev` then that is reported on `test`.",
        "XQuAD's contexts are paragraphs of the dev file.",
        "Files of SQuAD v2 can be read, too: questions without answer are left out.",
    ),
)
