"""OPUS-100: up to a million sentence pairs of a language with English."""

from xlnas_jax.data.sets.base import DataSet, Files, Lines

DATA_SET = DataSet(
    name="opus100",
    task="parallel",
    title="OPUS-100 corpus v1.0, supervised part",
    source="https://opus.nlpl.eu/opus-100.php",
    paper="Zhang et al. 2020, https://arxiv.org/abs/2004.11867",
    licence="as the corpora of OPUS it is drawn from",
    format=Lines(),
    files=(
        # The two codes of a pair stand in alphabetical order.
        Files("supervised/{language}-en/opus.{language}-en-{split}.{language}"),
        Files("supervised/en-{language}/opus.en-{language}-{split}.{language}"),
        Files("supervised/*-en/opus.*-en-{split}.en", language="en"),
        Files("supervised/en-*/opus.en-*-{split}.en", language="en"),
    ),
    quirks=(
        "The folder is opus-100-corpus/v1.0. English differs between pairs: only "
        "pairs with English can be read.",
        "Sentences repeat, within a split and between train and test; repeated ones "
        "are kept and counted.",
        "Other parallel text in two columns: see data.parallel.read_pairs.",
    ),
)
