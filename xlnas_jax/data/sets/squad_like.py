"""Questions of your own, in the format of SQuAD v1.1: a file a language and split."""

from xlnas_jax.data.sets.base import DataSet, Files, Squad

DATA_SET = DataSet(
    name="squad_like",
    task="qa",
    title="Files in the format of SQuAD v1.1",
    source="https://rajpurkar.github.io/SQuAD-explorer/",
    paper="Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250",
    licence="of whoever made the files",
    format=Squad(),
    files=(Files("{language}/{split}.json"), Files("{split}.{language}.json")),
    quirks=("Contexts are taken to be in the language of the questions.",),
)
