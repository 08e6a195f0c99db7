"""The model card says what was measured, and says when something was not."""

import dataclasses

from xlnas_jax.export.card import render_card
from xlnas_jax.export.params import count_params


def test_scores_stand_beside_the_majority_rate(card, subnet):
    text = render_card(card, subnet)

    assert "| language | role | accuracy | macro_f1 | majority class |" in text
    assert "| fi | target | 0.600 | 0.500 | 0.125 |" in text
    assert "| **mean** | targets | 0.500 | 0.400 | 0.250 |" in text
    assert "| **mean** | source and targets | 0.633 | 0.533 | 0.250 |" in text


def test_sizes_are_those_of_the_network(card, subnet):
    text = render_card(card, subnet)

    assert "| parameters | 1,000 | 4,000 |" in text
    assert "| FLOPs of a sentence of 64 tokens | 123,456 | 987,654 |" in text
    assert "| bytes of weights and activations | - | - |" in text
    assert f"{count_params(subnet.weights):,} parameters are stored" in text
    for heads, ffn in subnet.sizes:
        assert f"{heads} heads, {ffn} inner neurons" in text


def test_the_protocol_names_every_language_once_by_role(card, subnet):
    text = render_card(card, subnet)

    assert "Weights learned from labels of en (source) and none" in text
    assert "compared by labels of fr" in text
    assert "Labels of fi, sw (target) were read once" in text
    assert "seed 11" in text
    assert 'language: ["en", "fr", "fi", "sw"]' in text


def test_fine_tuning_is_told_where_it_happened(card, subnet):
    tuned = dataclasses.replace(card, finetune_steps=70)

    assert "70 updates" in render_card(tuned, subnet)
    assert "updates" not in render_card(card, subnet)


def test_licences_are_given_or_called_unknown(card, subnet):
    text = render_card(card, subnet)

    assert "a data set (licence: CC-BY-SA-4.0)" in text
    assert "started from hub/encoder (licence: unknown" in text


def test_a_model_from_nothing_has_no_origin(card, subnet):
    text = render_card(dataclasses.replace(card, source_model=""), subnet)

    assert "trained from nothing" in text


def test_missing_scores_are_called_so(card, subnet):
    text = render_card(dataclasses.replace(card, scores={}), subnet)

    assert "Not measured." in text
