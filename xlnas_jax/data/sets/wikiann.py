"""WikiANN (PAN-X): entities that links of Wikipedia tell, in 282 languages."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files, Hub

DATA_SET = DataSet(
    name="wikiann",
    task="tagging",
    title="WikiANN, splits of Rahimi et al.",
    source="https://github.com/afshinrahimi/mmner",
    paper="Pan et al., 2017. https://aclanthology.org/P17-1178; "
    "Rahimi et al., 2019. https://aclanthology.org/P19-1015",
    licence="unknown; text of Wikipedia, CC-BY-SA-3.0",
    labels=("LOC", "ORG", "PER"),
    format=Columns(separator="\t", prefixed=True),
    # Wikipedia names a few languages by codes that are not theirs.
    files=(
        Files(
            "{language}/{split}",
            names={
                "gsw": "als",
                "lzh": "zh-classical",
                "nan": "zh-min-nan",
                "sgs": "bat-smg",
                "vro": "fiu-vro",
                "yue": "zh-yue",
            },
        ),
    ),
    hub=Hub("unimelb-nlp/wikiann", columns={"words": "tokens", "tags": "ner_tags"}),
    quirks=(
        "Each language's archive is unpacked in a folder of its code; every word has "
        "the code and a colon before it, which are cut off.",
        "The labels are silver, not gold; many sentences are titles of lists.",
    ),
)
