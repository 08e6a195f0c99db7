"""AfriQA: African questions whose answers are in English or French passages."""

from xlnas_jax.data.sets.base import AfriQa, DataSet, Files

_PATH = "{language}/gold_span_passages.afriqa.{language}"

DATA_SET = DataSet(
    name="afriqa",
    task="qa",
    title="AfriQA gold span passages",
    source="https://github.com/masakhane-io/afriqa",
    paper="Ogundepo et al. 2023, https://arxiv.org/abs/2305.06897",
    licence="CC-BY-4.0",
    format=AfriQa(),
    files=(
        Files(f"{_PATH}.en.{{split}}.json", context_language="en"),
        Files(f"{_PATH}.fr.{{split}}.json", context_language="fr"),
    ),
    quirks=(
        "The question is in the African language; passage and answer are in English, "
        "or in French for Fon and Wolof.",
        "Files hold one JSON object a line, although their names end in .json.",
        "Rows without a passage are left out and counted.",
        "Rows whose answer is no span of the passage, such as yes or no, have the "
        "offset -1; they are left out and counted.",
        "Some answers are a little beside their offset: it is corrected and counted. "
        "Those found nowhere, or in doubtful places, are left out and counted.",
        "Yoruba has no dev file among the gold passages that were looked at.",
    ),
)
