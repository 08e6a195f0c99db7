"""Universal NER: entities by one guideline on top of Universal Dependencies."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

# Treebank, prefix of its files, language.
TREEBANKS = (
    ("Cebuano-GJA", "ceb_gja", "ceb"),
    ("Chinese-GSD", "zh_gsd", "zh-Hant"),
    ("Chinese-GSDSIMP", "zh_gsdsimp", "zh"),
    ("Chinese-PUD", "zh_pud", "zh-Hant"),
    ("Croatian-SET", "hr_set", "hr"),
    ("Danish-DDT", "da_ddt", "da"),
    ("English-EWT", "en_ewt", "en"),
    ("English-PUD", "en_pud", "en"),
    ("German-PUD", "de_pud", "de"),
    ("Portuguese-Bosque", "pt_bosque", "pt"),
    ("Portuguese-PUD", "pt_pud", "pt"),
    ("Russian-PUD", "ru_pud", "ru"),
    ("Serbian-SET", "sr_set", "sr-Latn"),
    ("Slovak-SNK", "sk_snk", "sk"),
    ("Swedish-PUD", "sv_pud", "sv"),
    ("Swedish-Talbanken", "sv_talbanken", "sv"),
    ("Tagalog-TRG", "tl_trg", "fil"),
    ("Tagalog-Ugnayan", "tl_ugnayan", "fil"),
)
DATA_SET = DataSet(
    name="uner",
    task="tagging",
    title="Universal NER v1",
    source="https://github.com/UniversalNER",
    paper="Mayhew et al., 2024. https://aclanthology.org/2024.naacl-long.243",
    licence="CC-BY-SA-4.0; PUD: CC-BY-SA-3.0; Tagalog-Ugnayan: CC-BY-NC-SA-4.0",
    labels=("LOC", "ORG", "PER"),
    aliases={"OTH": "O"},
    format=Columns(form=1, tag=2, separator="\t", conllu=True),
    files=tuple(
        Files(f"{folder}{treebank}/{prefix}-ud-{{split}}.iob2", language=code)
        for treebank, prefix, code in TREEBANKS
        for folder in ("", "UNER_")
    ),
    quirks=(
        "The path is the folder with one sub-folder per treebank, named as its "
        "repository, with or without UNER_.",
        "The treebanks of one language are joined: English, Portuguese, Swedish, "
        "Tagalog, and Chinese in traditional characters.",
        "Croatian has entities OTH, which the guideline drops: they are read as O, "
        "and counted. map: {OTH: MISC} keeps them.",
        "A few entities begin with I- (Croatian dev 1, Danish train 6 and test 1): "
        "they are read as B-, and counted.",
        "PUD is parallel by sentence id; but the Chinese has ids of its own, in the "
        "order of the others.",
    ),
)
