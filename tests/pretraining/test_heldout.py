"""Curves are what other code computes of the same weights, and training moves them."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers

from tests.pretraining.planted import meanings, words
from tests.pretraining.starts import make_params, make_start
from xlnas_jax.pretraining.heldout import Heldout, mean_of
from xlnas_jax.pretraining.save import save_pretrained
from xlnas_jax.pretraining.texts import Corpus, Pair


def texts(language: str, num: int, seed: int) -> list[str]:
    own = words(language)
    return [" ".join(own[n] for n in row[:4]) for row in meanings(num, seed)]


PAIRS = zip(texts("en", 7, 2), texts("fr", 7, 2), strict=True)
CORPUS = Corpus(
    ("en", "fr"),
    {"en": texts("en", 3, 0), "fr": texts("fr", 5, 1)},
    {"fr": [Pair(*both) for both in PAIRS]},
)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What is measured of some weights, and `transformers`' model of the same."""
    start = make_start("scratch", batch_size=4, pseudo=2, sandwich=False)
    params = make_params(start, True)
    path = tmp_path_factory.mktemp("saved") / "model"
    save_pretrained(path, start, params, {})
    model = transformers.AutoModelForMaskedLM.from_pretrained(path).eval()
    return start, Heldout(start, CORPUS).measure(params)["largest"], model


def test_pseudo_perplexity_is_that_of_one_token_after_another(measured):
    start, found, model = measured
    for code, own in CORPUS.texts.items():
        lost = []
        for text in own[:2]:
            ids = start.tokenizer.encode([text])[0].ids
            for place, token in enumerate(ids):
                if start.masks.is_special[token]:
                    continue
                seen = torch.tensor([ids])
                seen[0, place] = start.masks.mask_id
                with torch.no_grad():
                    logits = model(input_ids=seen).logits[0, place]
                lost.append(-float(logits.log_softmax(-1)[token]))
        expected = np.exp(np.mean(lost))
        assert found["pseudo_perplexity"][code] == pytest.approx(expected, rel=1e-3)


def test_a_translation_is_looked_for_among_all_by_mean_vectors(measured):
    start, found, model = measured
    sides = []
    for side in (0, 1):
        vectors = []
        for pair in CORPUS.pairs["fr"]:
            ids = torch.tensor([start.tokenizer.encode([pair[side]])[0].ids])
            with torch.no_grad():
                hidden = model(input_ids=ids, output_hidden_states=True)
            vectors.append(hidden.hidden_states[-1][0].mean(0).numpy())
        sides.append(np.stack(vectors))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
    scores = unit[0] @ unit[1].T
    right = np.arange(7)
    expected = [float((scores.argmax(axis) == right).mean()) for axis in (1, 0)]
    assert found["p_at_1"]["fr"] == pytest.approx(expected)


def test_losses_and_accuracies_are_of_every_language_that_has_texts(measured):
    start, found, _ = measured
    guess = np.log(start.shape.vocab_size)
    for code in ("en", "fr"):
        # Of weights that know nothing, and are far from sure of nothing.
        assert found["masked_loss"][code] > 0.5 * guess
        assert 0.0 <= found["masked_accuracy"][code] <= 1.0
    assert mean_of(found, "masked_loss") == pytest.approx(
        np.mean(list(found["masked_loss"].values()))
    )
    assert mean_of(found, "absent") is None
    assert jnp.isfinite(jnp.asarray(list(found["masked_loss"].values()))).all()
