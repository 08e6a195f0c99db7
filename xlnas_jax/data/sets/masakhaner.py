"""MasakhaNER: entities in news in African languages, releases 1 and 2."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files, Hub

DATA_SET = DataSet(
    name="masakhaner",
    task="tagging",
    title="MasakhaNER 1.0 and 2.0",
    source="https://github.com/masakhane-io/masakhane-ner",
    paper="Adelani et al., 2022. https://aclanthology.org/2022.emnlp-main.298",
    licence="CC-BY-NC-4.0 (labels; the news belong to their publishers)",
    labels=("DATE", "LOC", "ORG", "PER"),
    format=Columns(),
    files=(Files("{language}/{split}.txt"),),
    hub=Hub(
        "masakhane/masakhaner2",
        names={
            "ak": "twi",
            "bbj": "bbj",
            "bm": "bam",
            "ee": "ewe",
            "fon": "fon",
            "ha": "hau",
            "ig": "ibo",
            "lg": "lug",
            "luo": "luo",
            "mos": "mos",
            "ny": "nya",
            "pcm": "pcm",
            "rw": "kin",
            "sn": "sna",
            "sw": "swa",
            "tn": "tsn",
            "wo": "wol",
            "xh": "xho",
            "yo": "yor",
            "zu": "zul",
        },
        columns={"words": "tokens", "tags": "ner_tags"},
    ),
    quirks=(
        "The path is the folder data of the repository, or MasakhaNER2.0/data.",
        "A stray I- begins an entity: it is read as B-, and counted.",
        "For data sets without dates: map: {DATE: O}.",
        "The hub has it as a script, which `datasets` 4 no longer runs: give "
        "revision: refs/convert/parquet.",
    ),
)
