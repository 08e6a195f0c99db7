"""Universal Dependencies: the part of speech of every word, in 150 languages."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

TAGS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
# Treebanks whose files do not tell the language or script by their first code.
SPECIAL = (
    ("UD_Norwegian-Nynorsk*/no_nynorsk*", "nn"),
    ("UD_Chinese-GSD/zh_gsd", "zh-Hant"),
    ("UD_Chinese-HK/zh_hk", "zh-Hant"),
    ("UD_Chinese-PUD/zh_pud", "zh-Hant"),
    ("UD_Serbian-SET/sr_set", "sr-Latn"),
)
DATA_SET = DataSet(
    name="ud_pos",
    task="tagging",
    title="Universal Dependencies, universal parts of speech",
    source="https://universaldependencies.org",
    paper="de Marneffe et al., 2021. https://aclanthology.org/2021.cl-2.11",
    licence="by treebank; most CC-BY-SA-4.0, some CC-BY-NC-SA",
    labels=TAGS,
    format=Columns(form=1, tag=3, separator="\t", scheme="plain", conllu=True),
    files=(
        *(
            Files(f"{prefix}-ud-{{split}}.conllu", language=code)
            for prefix, code in SPECIAL
        ),
        Files("UD_*/{language}_*-ud-{split}.conllu"),
        Files("{language}_*-ud-{split}.conllu"),
    ),
    quirks=(
        "The path is the folder with one sub-folder per treebank, such as "
        "UD_English-EWT, or one such folder. The treebanks of a language that are "
        "there are joined: leave out those that are not wanted.",
        "Contractions (3-4) and empty nodes (5.1) are no words; their parts are.",
        "Sentences of treebanks that withhold their text (every word `_`) are left "
        "out, and counted.",
        "The score is accuracy by word; XTREME's F1 is another number.",
    ),
)
