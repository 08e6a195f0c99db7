"""XNLI: does one sentence follow from another? Parallel in 15 languages."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Table

LANGUAGES = (
    "ar",
    "bg",
    "de",
    "el",
    "en",
    "es",
    "fr",
    "hi",
    "ru",
    "sw",
    "th",
    "tr",
    "ur",
    "vi",
    "zh",
)
DATA_SET = DataSet(
    name="xnli",
    task="classification",
    title="XNLI",
    source="https://github.com/facebookresearch/XNLI",
    paper="Conneau et al., 2018. https://aclanthology.org/D18-1269",
    licence="CC-BY-NC-4.0",
    labels=("contradiction", "entailment", "neutral"),
    aliases={"contradictory": "contradiction"},
    format=Table(
        text="sentence1",
        pair="sentence2",
        label="gold_label",
        id="pairID",
        language="language",
        keep_quotes=True,
    ),
    files=(
        *(
            Files(
                f"{folder}xnli.{{split}}.tsv",
                names={code: code for code in LANGUAGES},
                splits={"dev": ("dev",), "test": ("test",)},
            )
            for folder in ("", "XNLI-1.0/")
        ),
        *(
            Files(
                f"{folder}multinli.train.{{language}}.tsv",
                splits={"train": ("",)},
                format=Table(
                    text="premise", pair="hypo", label="label", keep_quotes=True
                ),
            )
            for folder in ("", "XNLI-MT-1.0/multinli/")
        ),
    ),
    hub=Hub(
        "facebook/xnli",
        columns={"text": "premise", "pair": "hypothesis", "label": "label"},
    ),
    quirks=(
        "The path is the folder with XNLI-1.0 and XNLI-MT-1.0, or with their files.",
        "Dev and test are parallel by pairID; the training split is MultiNLI, English "
        "and its machine translations, whose ids are positions in the file.",
        "The translated training files spell a label `contradictory`: it is read as "
        "`contradiction`, and counted.",
        "Quote characters are text and need not be balanced.",
    ),
)
