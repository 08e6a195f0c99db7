"""Tatoeba test sets of LASER: up to 1,000 sentences of a language with English."""

from xlnas_jax.data.sets.base import DataSet, Files, Lines

DATA_SET = DataSet(
    name="tatoeba",
    task="parallel",
    title="Tatoeba test sets, LASER v1",
    source="https://github.com/facebookresearch/LASER/tree/main/data/tatoeba/v1",
    paper="Artetxe and Schwenk 2019, https://arxiv.org/abs/1812.10464",
    licence="CC-BY-2.0-FR",
    format=Lines(),
    files=(
        # Coastal Kadazan has the same canonical code as Central Dusun (dtp), and
        # both have a file.
        Files("tatoeba.{language}-eng.{language}", names={"x-kzj": "kzj"}),
        Files("tatoeba.*-eng.eng", language="en"),
    ),
    splits={"test": ("test",)},
    quirks=(
        "English differs between pairs: only pairs with English can be read.",
        "The file of kzj, which CLDR takes for dtp, is read as x-kzj.",
        "Codes are Tatoeba's; some, such as ara and est, are of macro-languages.",
    ),
)
