"""AfriSenti: sentiment of tweets in 14 African languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Table

DATA_SET = DataSet(
    name="afrisenti",
    task="classification",
    title="AfriSenti (SemEval-2023 task 12)",
    source="https://github.com/afrisenti-semeval/afrisent-semeval-2023",
    paper="Muhammad et al., 2023. https://aclanthology.org/2023.emnlp-main.862",
    licence="CC-BY-4.0",
    labels=("negative", "neutral", "positive"),
    format=Table(text="tweet", label="label", keep_quotes=True),
    # The Portuguese is that of Mozambique.
    files=(Files("{language}/{split}.tsv", names={"pt-MZ": "por"}),),
    hub=Hub(
        "shmuhammad/AfriSenti-twitter-sentiment",
        names={
            "ak": "twi",
            "am": "amh",
            "arq": "arq",
            "ary": "ary",
            "ha": "hau",
            "ig": "ibo",
            "om": "orm",
            "pcm": "pcm",
            "pt-MZ": "por",
            "rw": "kin",
            "sw": "swa",
            "ti": "tir",
            "ts": "tso",
            "yo": "yor",
        },
        columns={"text": "tweet", "label": "label"},
    ),
    quirks=(
        "The path is the folder data of the repository.",
        "Not parallel; ids are positions in the file.",
        "Quote characters are text and need not be balanced.",
        "Oromo and Tigrinya have no training split.",
        "The hub has it as a script, which `datasets` 4 no longer runs: give "
        "revision: refs/convert/parquet.",
    ),
)
