"""Vectors of words are those of `transformers`."""

import numpy as np
import pytest
import torch
import transformers

from tests.experiments import tiny_config
from tests.pretraining.starts import make_params, make_start
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.translations.vectors import default_layer, word_vectors
from xlnas_jax.pretraining.save import save_pretrained

# Two float32 programs that add in different orders.
TOLERANCE = 1e-4


@pytest.mark.parity
def test_a_word_has_the_mean_of_its_pieces_after_a_layer(tmp_path) -> None:
    start = make_start("xlm-roberta")
    save_pretrained(tmp_path / "model", start, make_params(start, True), {})
    config = tiny_config(
        model=PretrainedModel(str(tmp_path / "model")),
        space=start.config.space,
        constraints=ConstraintsConfig(),
    )
    experiment = prepare(config)
    (part,) = experiment.parts
    sentences = [["bada", "kibo", "du"], ["ku"], ["ba", "be", "bibo", "kike", "ta"]]
    found = word_vectors(experiment, part, sentences, 1)

    model = transformers.AutoModel.from_pretrained(tmp_path / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    counts = []
    for words, vectors in zip(sentences, found, strict=True):
        inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**inputs, output_hidden_states=True).hidden_states[1][0]
        of_word = np.asarray([-1 if w is None else w for w in inputs.word_ids()])
        for number in range(len(words)):
            counts.append((of_word == number).sum())
            wanted = hidden.numpy()[of_word == number].mean(0)
            np.testing.assert_allclose(vectors[number], wanted, atol=TOLERANCE)
    assert max(counts) > 1  # some words are of several pieces


def test_the_layer_is_two_thirds_from_below() -> None:
    assert [default_layer(n) for n in (1, 2, 6, 12, 24)] == [1, 1, 4, 8, 16]
