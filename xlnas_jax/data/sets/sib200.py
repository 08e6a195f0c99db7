"""SIB-200: topics of sentences of FLORES-200, parallel in 205 languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Table

DATA_SET = DataSet(
    name="sib200",
    task="classification",
    title="SIB-200",
    source="https://github.com/dadelani/sib-200",
    paper="Adelani et al., 2024. https://aclanthology.org/2024.eacl-long.14",
    licence="CC-BY-SA-4.0 (text, FLORES-200), Apache-2.0 (repository)",
    labels=(
        "entertainment",
        "geography",
        "health",
        "politics",
        "science/technology",
        "sports",
        "travel",
    ),
    format=Table(text="text", label="category", id="index_id", keep_quotes=True),
    files=(Files("{language}/{split}.tsv"),),
    hub=Hub(
        "Davlan/sib200",
        columns={"text": "text", "label": "category", "id": "index_id"},
    ),
    quirks=(
        "The path is the folder with one sub-folder per language, such as eng_Latn.",
        "Parallel: the same id is the same sentence in every language.",
        "Quote characters are text and need not be balanced.",
        "Akan stands there twice, as aka_Latn and twi_Latn: neither is read.",
    ),
)
