"""Tags are read at each word's first sub-word, and entities are spelled by them."""

import jax.numpy as jnp
import numpy as np
import pytest
from seqeval.metrics.sequence_labeling import get_entities

from tests.export.conftest import MAX_LENGTH, OWN_HEADS, TAGS, sentences
from xlnas_jax.export.predicting.tags import Entity, check_sentences, find_entities
from xlnas_jax.types import ConfigError, DataError

SENTENCES = [text.split() for text in sentences(12)]
MOST_WORDS = 200


def tags_by_hand(tagger, words: list[str]) -> tuple[str, ...]:
    """One sentence alone, decoded from the logits of its first sub-words."""
    (one,), (positions,) = tagger.tokenizer.encode_words([words])
    ids, segments = (jnp.asarray([x], jnp.int32) for x in (one.ids, one.segments))
    logits = np.asarray(tagger(ids, segments, jnp.asarray([len(one.ids)], jnp.int32)))
    best = logits[0].argmax(-1)
    return tuple("O" if p < 0 else TAGS[best[p]] for p in positions)


def test_tags_are_those_of_the_logits(tagger):
    predicted = tagger.predict(SENTENCES)

    # By hand a program is compiled for every length.
    by_hand = SENTENCES[:2]
    wanted = [tags_by_hand(tagger, words) for words in by_hand]
    assert [one.tags for one in predicted[: len(by_hand)]] == wanted
    assert [list(one.words) for one in predicted] == SENTENCES
    assert len({tag for one in predicted for tag in one.tags}) > 2


def test_a_text_is_split_at_white_space(tagger):
    text = " many\told  people \n"

    assert tagger.predict(text) == tagger.predict([["many", "old", "people"]])
    assert tagger.predict([text, ["by"]])[0].words == ("many", "old", "people")


def test_a_sentence_without_words_has_no_tags(tagger):
    (empty, other) = tagger.predict(["", "old"])

    assert empty == ((), (), (), 0)
    assert other.words == ("old",)
    assert tagger.predict([]) == []


def test_words_beyond_the_maximum_are_outside_and_counted(tagger):
    words = ["river"] * MOST_WORDS

    (one,) = tagger.predict([words])

    assert len(one.tags) == MOST_WORDS
    assert MOST_WORDS - MAX_LENGTH < one.num_unread < MOST_WORDS
    assert set(one.tags[-one.num_unread :]) == {"O"}
    assert one.tags == tags_by_hand(tagger, words)


def test_words_that_the_tokenizer_drops_are_outside(tagger):
    (one,) = tagger.predict([["old", "\u2003", "city"]])

    assert one.tags[1] == "O"
    assert one.num_unread == 1


@pytest.mark.parametrize("seed", range(20))
def test_entities_are_those_that_seqeval_sees(seed):
    tags = np.random.default_rng(seed).choice(TAGS, 12).tolist()
    words = [f"w{i}" for i in range(12)]

    found = find_entities(words, tags)

    wanted = [(kind, first, last + 1) for kind, first, last in get_entities(tags)]
    assert [(one.type, one.start, one.end) for one in found] == wanted
    for one in found:
        assert one.text == " ".join(words[one.start : one.end])


def test_an_entity_names_its_words():
    words, tags = ["Ada", "Byron", "of", "York"], ["B-PER", "I-PER", "O", "I-LOC"]

    assert find_entities(words, tags) == (
        Entity("PER", "Ada Byron", 0, 2),
        Entity("LOC", "York", 3, 4),
    )


def test_plain_tags_spell_no_entities(tiny):
    network = tiny.of("tagging").subnet(tiny.rows[1])
    network.labels = ("ADJ", "DET", "NOUN", "PRON", "VERB")

    (one,) = network.predict([["river"] * MOST_WORDS])

    assert one.entities == ()
    assert set(one.tags) <= {*network.labels, ""}
    assert one.tags[-1] == ""


def test_a_language_with_an_output_layer_of_its_own_uses_it(tagger):
    shared = [one.tags for one in tagger.predict(SENTENCES)]
    by_code = {
        code: [one.tags for one in tagger.predict(SENTENCES, language=code)]
        for code in ("en", "eng_Latn", "sw", "fi")
    }

    assert by_code["fi"] == shared
    assert by_code["en"] == by_code["eng_Latn"]
    assert by_code["en"] != shared
    assert by_code["sw"] not in (shared, by_code["en"])


def test_the_language_of_a_row_decides_its_own_logits(tagger):
    (one,), _ = tagger.tokenizer.encode_words([SENTENCES[1]])
    ids = jnp.asarray([one.ids] * 3, jnp.int32)
    length = jnp.full(3, len(one.ids), jnp.int32)

    logits = tagger(ids, jnp.zeros_like(ids), length, jnp.asarray([-1, 0, 1]))

    plain = tagger(ids, jnp.zeros_like(ids), length)
    head = tagger.weights.head.language
    np.testing.assert_allclose(logits[0], plain[0], atol=1e-6)
    for row in (1, 2):
        change = np.asarray(logits[row] - plain[row])
        assert np.abs(change).min(0).max() > 0.01
    assert head.bias.shape == (len(OWN_HEADS), len(TAGS))


def test_a_language_that_is_none_is_refused(tagger):
    with pytest.raises(ConfigError, match="'klingon"):
        tagger.predict(["old"], language="klingonish")


@pytest.mark.parametrize("bad", [None, 3, [["a"], 3], [["a"], [3]], [["a"], b"b"]])
def test_what_is_no_sentence_is_named(bad):
    with pytest.raises(TypeError, match=r"^sentences(\[1\](\[0\])?)?: .*must be a"):
        check_sentences(bad)


@pytest.mark.parametrize(
    "arguments", [{"pairs": ["b"]}, {"contexts": ["b"]}, {"num_best": 2}]
)
def test_arguments_of_other_tasks_are_refused(tagger, arguments):
    with pytest.raises(DataError, match="this model is for tagging"):
        tagger.predict(["a"], **arguments)


def test_tags_have_no_logits_of_whole_texts(tagger):
    with pytest.raises(DataError, match=r"logits: .*this model is for tagging"):
        tagger.logits(["a"])
