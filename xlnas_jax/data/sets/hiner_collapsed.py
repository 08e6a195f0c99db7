"""HiNER, collapsed: persons, locations and organisations in Hindi."""

from xlnas_jax.data.sets.base import Columns, DataSet, Files

DATA_SET = DataSet(
    name="hiner_collapsed",
    task="tagging",
    title="HiNER, collapsed tag set",
    source="https://github.com/cfiltnlp/HiNER",
    paper="Murthy et al., 2022. https://aclanthology.org/2022.lrec-1.475",
    licence="CC-BY-SA-4.0",
    labels=("LOCATION", "ORGANIZATION", "PERSON"),
    format=Columns(separator="\t"),
    files=(Files("{split}.conll", language="hi"),),
    splits={"train": ("train",), "dev": ("validation",), "test": ("test",)},
    quirks=(
        "The path is the folder data/collapsed of the repository.",
        "Beside sets with short names: "
        "map: {LOCATION: LOC, ORGANIZATION: ORG, PERSON: PER}.",
    ),
)
