"""Answers are cut from the context at the best span of all its windows."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.export.conftest import MAX_LENGTH, sentences
from xlnas_jax.data.tokens.windows import Window, make_windows
from xlnas_jax.export.predicting.answers import to_answer
from xlnas_jax.tasks.answers import MAX_TOKENS, NUM_BEST
from xlnas_jax.types import DataError

QUESTION = "who walk by"
CONTEXTS = [
    "  ".join(sentences(18)[1:4]) + " end.",
    "the old\nriver",
    " ".join(sentences(18)[3:]),
]


def spans_by_hand(reader, context: str) -> dict[tuple[int, int], float]:
    """The best score of every span of characters, each window alone."""
    (windows,) = make_windows(reader.tokenizer, [QUESTION], [context], 5)
    found: dict[tuple[int, int], float] = {}
    for window in windows:
        ids, segments = (
            jnp.asarray([x], jnp.int32) for x in (window.ids, window.segments)
        )
        length = jnp.asarray([len(window.ids)], jnp.int32)
        start, end = np.asarray(reader(ids, segments, length))[0].T
        for i in range(window.first, window.last):
            for j in range(i, min(i + MAX_TOKENS, window.last)):
                first = window.offsets[i - window.first][0]
                last = window.offsets[j - window.first][1]
                if context[first:last].strip():
                    score = float(start[i]) + float(end[j])
                    key = int(first), int(last)
                    found[key] = max(found.get(key, -np.inf), score)
    return found


@pytest.mark.parametrize(
    "number", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1))]
)
def test_the_answer_is_the_best_span_of_the_logits(reader, number):
    context = CONTEXTS[number]
    spans = spans_by_hand(reader, context)
    (first, last), score = max(spans.items(), key=lambda item: item[1])

    (answer,) = reader.predict(QUESTION, context)

    assert (answer.text, answer.start) == (context[first:last], first)
    assert answer.score == pytest.approx(score, abs=1e-4)
    assert context[answer.start :].startswith(answer.text)
    assert 0 < answer.probability <= 1


def test_a_long_context_needs_several_windows(reader):
    (windows,) = make_windows(reader.tokenizer, [QUESTION], CONTEXTS[2:], 5)

    assert len(windows) > 3
    assert max(len(window.ids) for window in windows) == MAX_LENGTH


def test_many_questions_keep_their_order(reader):
    together = reader.predict([QUESTION] * 3, CONTEXTS, batch_size=2)

    alone = [reader.predict(QUESTION, context)[0] for context in CONTEXTS]
    assert [one.text for one in together] == [one.text for one in alone]
    np.testing.assert_allclose(
        [one.score for one in together], [one.score for one in alone], atol=1e-4
    )
    assert len({one.text for one in together}) == 3


def test_the_next_best_answers_are_given_where_asked_for(reader):
    (one,) = reader.predict([QUESTION], CONTEXTS[:1])
    (many,) = reader.predict([QUESTION], contexts=CONTEXTS[:1], num_best=4)

    assert one.others == ()
    assert many[:4] == one[:4]
    assert len(many.others) == 3
    scores = [many.score, *(other.score for other in many.others)]
    assert scores == sorted(scores, reverse=True)
    assert len({many.text, *(other.text for other in many.others)}) == 4
    for other in many.others:
        assert CONTEXTS[0][other.start :].startswith(other.text)


def test_no_question_gives_no_answer(reader):
    assert reader.predict([], []) == []


def test_a_window_without_context_has_no_answer():
    nothing = np.zeros((0, 2), np.int32)
    window = Window([0, 5, 2], [0, 0, 0], nothing, first=2, last=2, shift=0)

    answer = to_answer("x", [window], [np.ones((16, 2), np.float32)], MAX_TOKENS, 3)

    assert answer == ("", -1, float("-inf"), 0.0, ())


@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_empty_context_is_named(reader, empty):
    with pytest.raises(DataError, match=r"contexts\[1\]: .*got an empty one"):
        reader.predict([QUESTION, QUESTION], ["old river", empty])
    with pytest.raises(DataError, match=r"questions\[0\]: .*got an empty one"):
        reader.predict([empty], ["old river"])


def test_contexts_must_be_given_one_for_every_question(reader):
    with pytest.raises(DataError, match=r"contexts: every question needs the text"):
        reader.predict([QUESTION])
    with pytest.raises(DataError, match="contexts: must be as many as texts; got 1"):
        reader.predict([QUESTION, QUESTION], ["old river"])


@pytest.mark.parametrize("number", [0, NUM_BEST + 1])
def test_more_answers_than_are_paired_are_refused(reader, number):
    with pytest.raises(DataError, match=f"num_best: must be 1 to {NUM_BEST}"):
        reader.predict([QUESTION], ["old river"], num_best=number)


def test_contexts_belong_to_questions_alone(subnet):
    with pytest.raises(DataError, match="this model is for classification"):
        subnet.predict(["a"], contexts=["b"])
