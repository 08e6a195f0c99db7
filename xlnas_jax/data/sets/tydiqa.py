"""TyDi QA GoldP: questions by native speakers who had not seen the passage."""

from xlnas_jax.data.sets.base import DataSet, Files, Hub, Squad

_NAMES = {
    "ar": "arabic",
    "bn": "bengali",
    "en": "english",
    "fi": "finnish",
    "id": "indonesian",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
}

DATA_SET = DataSet(
    name="tydiqa_goldp",
    task="qa",
    title="TyDi QA, gold passage task, v1.1",
    source="https://github.com/google-research-datasets/tydiqa",
    paper="Clark et al. 2020, https://arxiv.org/abs/2003.05002",
    licence="Apache-2.0 (passages: Wikipedia, CC-BY-SA-3.0)",
    format=Squad(),
    files=(Files("{language}_tydiqa_{split}.json", names=_NAMES),),
    splits={"train": ("train",), "dev": ("dev",), "test": ("dev",)},
    hub=Hub(
        "google-research-datasets/tydiqa",
        config="secondary_task",
        names=_NAMES,
        splits={"train": "train", "dev": "validation", "test": "validation"},
        columns={"id": "id", "language": "id"},
    ),
    quirks=(
        "The test split is hidden: `test` is the dev file again, as the field "
        "reports it. Choose nothing on `dev` of a language whose `test` is reported.",
        "The files are those of sagorbrur/tydiqa-language-specific; the original "
        "archive has one training file for all languages.",
        "In the training files some answers have white space around them; it stays.",
        "The languages are not parallel. The hub has all in one configuration; the "
        "id begins with the language.",
    ),
)
