"""Verses of the Bible, aligned by book, chapter and verse."""

from xlnas_jax.data.sets.base import DataSet, Files, Verses

DATA_SET = DataSet(
    name="bible",
    task="parallel",
    title="Bible verses, one file a language",
    source="https://github.com/scrollmapper/bible_databases",
    paper="Christodouloupoulos and Steedman 2015 (files of christos-c/bible-corpus)",
    licence="Public Domain, CC0-1.0 or CC-BY-3.0-BR, by language",
    format=Verses(),
    files=(Files("{language}.tsv.gz"), Files("{language}.tsv")),
    splits={"train": ("all",)},
    quirks=(
        "Each file is TSV without header: BOOK.CHAPTER.VERSE and the text.",
        "Many languages have the New Testament only; verses that one of the two "
        "languages lacks are left out and counted.",
        "Versification differs a little, spelling may be old, the register is "
        "religious; Chinese is in traditional characters.",
    ),
)
