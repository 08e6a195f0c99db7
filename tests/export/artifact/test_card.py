"""The model card says what was measured, and says when something was not."""

import dataclasses

import pytest

from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.data.tokens.trimming.compare import Comparison
from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.export.artifact.card import FewShot, Latency, render_card
from xlnas_jax.export.params import count_params


def test_scores_stand_beside_the_trivial_baseline(card, subnet):
    text = render_card(card, subnet)

    assert (
        "| language | role | accuracy | macro_f1 | majority class (accuracy) |" in text
    )
    assert "| fi | target | 0.600 | 0.500 | 0.125 |" in text
    assert "| **mean** | targets | 0.500 | 0.400 | 0.250 |" in text
    assert "| **mean** | source and targets | 0.633 | 0.533 | 0.250 |" in text


def test_sizes_are_those_of_the_network(card, subnet):
    text = render_card(card, subnet)

    assert "| parameters | 1,000 | 4,000 |" in text
    assert "| FLOPs of an input of 64 tokens | 123,456 | 987,654 |" in text
    assert "| bytes of weights and activations | - | - |" in text
    assert f"{count_params(subnet.weights):,} parameters are stored" in text
    for size in subnet.sizes:
        assert f"{size['heads']} heads, {size['ffn']} inner neurons" in text


def test_latency_is_told_where_it_was_measured(card, subnet):
    found = Latency(1.5, None, "2 x 64 tokens on an abacus")
    text = render_card(dataclasses.replace(card, latency=found), subnet)

    row = "| milliseconds of 2 x 64 tokens on an abacus, measured | 1.500 | - |"
    assert row in text
    assert "milliseconds" not in render_card(card, subnet)


def test_rows_that_were_made_of_others_are_told_with_their_licence(card, subnet):
    line = "7 training rows were made of others by paraphrase, with network x (mit)"
    text = render_card(dataclasses.replace(card, augmented=(line,)), subnet)

    assert text.rstrip().endswith(f"- {line}.")
    assert "made of others" not in render_card(card, subnet)


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


def test_labels_of_targets_are_told_where_they_trained(card, subnet):
    before = {code: {"accuracy": 0.125} for code in ("en", "fi", "sw")}
    few = FewShot("8 labelled rows of each of 2 (fi, sw)", 30, "its head alone", before)
    text = render_card(dataclasses.replace(card, few_shot=few), subnet)

    assert "**8 labelled rows of each of 2 (fi, sw)**, of train splits" in text
    assert "trained its head alone in 30 updates" in text
    assert "were read once" not in text
    assert "| accuracy | macro_f1 | zero-shot accuracy |" in text
    assert "| fi | target | 0.600 | 0.500 | 0.125 | 0.125 |" in text
    assert "zero-shot" not in render_card(card, subnet)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            "classification",
            ("text-classification", 'predict(["a text", "another"])', "`script`"),
        ),
        (
            "tagging",
            ("token-classification", '["or", "its", "words"]', "`B-LOC`", "every word"),
        ),
        (
            "qa",
            ("question-answering", 'predict(["a question"], [', "finds the answer"),
        ),
    ],
)
def test_every_kind_of_task_is_described_and_shown(tiny, card, task, expected):
    text = render_card(card, tiny.of(task).subnet(tiny.rows[0]))

    assert f"pipeline_tag: {expected[0]}\n" in text
    for part in expected[1:]:
        assert part in text
    assert "output layer of their own" not in text


def test_pairs_are_shown_as_such(card, subnet):
    text = render_card(dataclasses.replace(card, is_paired=True), subnet)

    assert 'predict(["a text"], ["what stands beside it"])' in text


def test_languages_with_an_output_layer_of_their_own_are_named(card, tagger):
    text = render_card(card, tagger)

    assert "output layer of their own: en, sw" in text
    assert 'language="en"' in text


def test_a_prefix_is_told_where_there_is_one(card, subnet, monkeypatch):
    told = "`predict` puts 'query: '; give it without"
    assert "puts" not in render_card(card, subnet)

    monkeypatch.setattr(subnet, "tokenizer", with_prefix(subnet.tokenizer, "query: "))
    assert told in render_card(card, subnet)


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


@pytest.mark.parametrize(
    ("languages", "num_files", "whose", "targets"),
    [
        (("en", "swh"), 0, "en, swh: train", "sw (target)"),
        (("en", "fr"), 1, "en, fr and of 1 file: train", ""),
        (("en", "fi", "sw"), 2, "en, fi, sw and of 2 files: train", "fi, sw (target)"),
    ],
)
def test_a_trimmed_vocabulary_is_told_with_whose_texts_decided(
    card, subnet, languages, num_files, whose, targets
):
    compared = {
        "en": Comparison(9, 0, 200, 200, 0, 0),
        "fi": Comparison(9, 5, 200, 225, 1, 2),
    }
    known = Vocabulary(250_037, 1, languages, num_files, compared)
    text = render_card(dataclasses.replace(card, vocabulary=known), subnet)

    size = subnet.shape.vocab_size
    assert f"from 250,037 to {size:,} pieces, by texts of {whose} and dev" in text
    told = f"So texts of {targets}, though no labels, were seen" if targets else ""
    assert told in text
    assert text.count("So texts of") == bool(targets)
    assert "at most 12.5 % more, of fi, in a sample" in text
    assert "vocabulary was trimmed" not in render_card(card, subnet)
