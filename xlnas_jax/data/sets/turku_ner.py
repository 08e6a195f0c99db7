"""Turku NER: entities in Finnish of many genres."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="turku_ner",
    task="tagging",
    title="Turku NER corpus",
    source="https://github.com/TurkuNLP/turku-ner-corpus",
    paper="Luoma et al., 2020. https://aclanthology.org/2020.lrec-1.567",
    licence="CC-BY-SA-4.0",
    labels=("DATE", "EVENT", "LOC", "ORG", "PER", "PRO"),
    format=Columns(separator="\t"),
    files=(Files("{split}.tsv", language="fi"),),
    quirks=(
        "The path is the folder data/conll of the repository.",
        "Lines -DOCSTART- (602, 76 and 76) are counted, and are no sentences.",
        "Beside sets of persons, places and organisations: "
        "map: {DATE: O, EVENT: O, PRO: O}.",
    ),
)
