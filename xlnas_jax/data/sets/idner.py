"""IDNER-News-2k: entities in Indonesian news."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="idner",
    task="tagging",
    title="IDNER-News-2k",
    source="https://github.com/khairunnisaor/idner-news-2k",
    paper="Khairunnisa et al., 2020. https://aclanthology.org/2020.aacl-srw.10",
    licence="MIT",
    labels=("LOC", "ORG", "PER"),
    format=Columns(),
    files=(Files("{split}.txt", language="id"),),
    quirks=("Lines end in CRLF; columns may be between spaces or tabs.",),
)
