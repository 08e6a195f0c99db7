"""MLDoc: topics of news stories of Reuters in 8 languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Table

DATA_SET = DataSet(
    name="mldoc",
    task="classification",
    title="MLDoc",
    source="https://github.com/facebookresearch/MLDoc",
    paper="Schwenk and Li, 2018. https://aclanthology.org/L18-1560",
    licence="of Reuters corpora RCV1 and RCV2, by agreement with NIST; not distributed",
    labels=("CCAT", "ECAT", "GCAT", "MCAT"),
    format=Table(
        text="text",
        label="label",
        header=("label", "text"),
        suffix=".tsv",
        keep_quotes=True,
    ),
    files=(
        Files(
            "{language}.{split}",
            names={
                "de": "german",
                "en": "english",
                "es": "spanish",
                "fr": "french",
                "it": "italian",
                "ja": "japanese",
                "ru": "russian",
                "zh": "chinese",
            },
        ),
    ),
    splits={"train": ("train.1000",), "dev": ("dev",), "test": ("test",)},
    quirks=(
        "The files are made from RCV1 and RCV2, which must be asked for, by the "
        "scripts of the repository; they have no header.",
        "Of the training files of 1000 to 10000 stories the first is read.",
        "Corporate, economics, government, markets; not parallel.",
    ),
)
