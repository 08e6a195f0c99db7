"""Files in the layout of CoNLL-2002 and CoNLL-2003: those, or any like them."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="conll",
    task="tagging",
    title="CoNLL-2002 and CoNLL-2003 shared tasks, and files of that layout",
    source="https://www.clips.uantwerpen.be/conll2003/ner/",
    paper="Tjong Kim Sang and De Meulder, 2003. https://aclanthology.org/W03-0419",
    licence="of whoever made the files; the English text is Reuters RCV1, by agreement",
    format=Columns(scheme="IOB1"),
    files=(
        Files(
            "{language}.{split}",
            names={"es": "esp", "nl": "ned"},
            splits={"train": ("train",), "dev": ("testa",), "test": ("testb",)},
        ),
        Files("{language}/{split}.txt"),
        Files("{language}/{split}.conll"),
        Files("{language}/{split}.tsv"),
    ),
    quirks=(
        "The word is the first column, the tag the last: `word pos chunk tag`, or "
        "fewer or more columns between, with spaces or tabs.",
        "IOB1 and IOB2 are both read; an I- that begins an entity is read as B-.",
        "The entity types are those of the source language's training split: LOC, "
        "MISC, ORG and PER in the shared tasks.",
        "Some of the original files are not UTF-8: convert them first.",
    ),
)
