"""PAWS-X: do two sentences of many common words mean the same? 7 languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Table

DATA_SET = DataSet(
    name="pawsx",
    task="classification",
    title="PAWS-X",
    source="https://github.com/google-research-datasets/paws/tree/master/pawsx",
    paper="Yang et al., 2019. https://aclanthology.org/D19-1382",
    licence="free to use for any purpose, with acknowledgement of Google LLC",
    labels=("0", "1"),
    format=Table(
        text="sentence1", pair="sentence2", label="label", id="id", keep_quotes=True
    ),
    files=(Files("{language}/{split}.tsv"),),
    splits={
        "train": ("train", "translated_train"),
        "dev": ("dev_2k",),
        "test": ("test_2k",),
    },
    hub=Hub(
        "google-research-datasets/paws-x",
        columns={
            "text": "sentence1",
            "pair": "sentence2",
            "label": "label",
            "id": "id",
        },
    ),
    quirks=(
        "The path is the folder x-final of the archive.",
        "Parallel by id within a split; the training split is English and its machine "
        "translations. Its publishers warn of missing or wrong labels: such rows are "
        "faults.",
        "Quote characters are text and need not be balanced.",
    ),
)
