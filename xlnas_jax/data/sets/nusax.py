"""NusaX: sentiment of reviews and posts, parallel in 12 languages of Indonesia."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Table

NAMES = {
    "ace": "acehnese",
    "ban": "balinese",
    "bbc": "toba_batak",
    "bjn": "banjarese",
    "bug": "buginese",
    "en": "english",
    "id": "indonesian",
    "jv": "javanese",
    "mad": "madurese",
    "min": "minangkabau",
    "nij": "ngaju",
    "su": "sundanese",
}
DATA_SET = DataSet(
    name="nusax",
    task="classification",
    title="NusaX-Senti",
    source="https://github.com/IndoNLP/nusax",
    paper="Winata et al., 2023. https://aclanthology.org/2023.eacl-main.57",
    licence="CC-BY-SA-4.0",
    labels=("negative", "neutral", "positive"),
    format=Table(text="text", label="label", id="id", spans_lines=True),
    files=(Files("{language}/{split}.csv", names=NAMES),),
    splits={"train": ("train",), "dev": ("valid",), "test": ("test",)},
    hub=Hub(
        "indonlp/NusaX-senti",
        names={
            "ace": "ace",
            "ban": "ban",
            "bbc": "bbc",
            "bjn": "bjn",
            "bug": "bug",
            "en": "eng",
            "id": "ind",
            "jv": "jav",
            "mad": "mad",
            "min": "min",
            "nij": "nij",
            "su": "sun",
        },
        columns={"text": "text", "label": "label", "id": "id"},
    ),
    quirks=(
        "The path is the folder datasets/sentiment of the repository.",
        "Parallel: the same id is the same text in every language.",
        "The hub has it as a script, which `datasets` 4 no longer runs: give "
        "revision: refs/convert/parquet.",
    ),
)
