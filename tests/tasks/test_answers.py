import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from xlnas_jax.tasks.answers import NO_ANSWER, Window, best_answer, n_best
from xlnas_jax.types import DataError

CONTEXT = "In 1910 Marie  Curie lived in Paris ."
WORDS = [(0, 2), (3, 7), (8, 13), (15, 20), (21, 26), (27, 29), (30, 35), (36, 37)]


def window_of(offsets, start_logits, end_logits, top: int | None = None) -> Window:
    """A window from the logits of all its tokens; `top` of them are kept."""
    start_logits = np.asarray(start_logits, np.float32)
    end_logits = np.asarray(end_logits, np.float32)
    start = np.argsort(-start_logits, kind="stable")[:top]
    end = np.argsort(-end_logits, kind="stable")[:top]
    return Window(
        np.asarray(offsets, np.int32), start, start_logits[start], end, end_logits[end]
    )


def random_windows(seed: int, top: int | None = None) -> list[Window]:
    """Three overlapping windows, each with two question tokens and one at the end."""
    rng = np.random.default_rng(seed)
    outside = [(-1, -1)]
    return [
        window_of(
            outside * 2 + WORDS[first : first + 4] + outside,
            rng.normal(size=7),
            rng.normal(size=7),
            top,
        )
        for first in (0, 2, 4)
    ]


def brute_force(windows: list[Window], max_tokens: int) -> dict[str, float]:
    """The best score of every text, by trying all pairs of positions."""
    best: dict[str, float] = {}
    for window in windows:
        starts = dict(zip(window.start.tolist(), window.start_logit, strict=True))
        ends = dict(zip(window.end.tolist(), window.end_logit, strict=True))
        for first in range(len(window.offsets)):
            for last in range(first, min(first + max_tokens, len(window.offsets))):
                inside = window.offsets[first : last + 1].min() >= 0
                if inside and first in starts and last in ends:
                    a, b = window.offsets[first, 0], window.offsets[last, 1]
                    score = float(starts[first]) + float(ends[last])
                    best[CONTEXT[a:b]] = max(best.get(CONTEXT[a:b], -np.inf), score)
    return best


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("max_tokens", [1, 2, 30])
@pytest.mark.parametrize("top", [None, 3])
def test_the_list_equals_brute_force_over_all_spans(seed, max_tokens, top):
    windows = random_windows(seed, top)
    expected = brute_force(windows, max_tokens)
    found = n_best(CONTEXT, windows, num_best=100, max_tokens=max_tokens)
    assert {candidate.text: candidate.score for candidate in found} == expected
    scores = [candidate.score for candidate in found]
    assert scores == sorted(scores, reverse=True)
    best = best_answer(CONTEXT, windows, max_tokens=max_tokens)
    assert best == (found[0][:3] if found else NO_ANSWER)


@pytest.mark.parametrize("seed", range(10))
def test_only_the_best_positions_of_a_window_are_paired(seed):
    full, cut = random_windows(seed), random_windows(seed, top=3)
    assert n_best(CONTEXT, full, num_best=3) == n_best(CONTEXT, cut, num_best=3)


def test_order_of_the_given_positions_does_not_matter():
    windows = random_windows(0)
    shuffled = [
        Window(w.offsets, w.start[::-1], w.start_logit[::-1], w.end, w.end_logit)
        for w in windows
    ]
    assert n_best(CONTEXT, shuffled) == n_best(CONTEXT, windows)


def test_the_best_window_wins_and_the_text_is_cut_from_the_context():
    weak = window_of(WORDS, [0, 0, 3.0, 0, 0, 0, 0, 0], [0, 0, 0, 3.0, 0, 0, 0, 0])
    strong = window_of(WORDS[4:], [0, 0, 3.5, 0], [0, 0, 3.0, 0])
    assert best_answer(CONTEXT, [weak]) == ("Marie  Curie", 8, 6.0)
    assert best_answer(CONTEXT, [weak, strong]) == ("Paris", 30, 6.5)


def test_probabilities_are_the_softmax_of_the_listed_scores():
    found = n_best(CONTEXT, random_windows(1), num_best=5)
    weights = np.exp([candidate.score for candidate in found])
    expected = weights / weights.sum()
    assert len(found) == 5
    np.testing.assert_allclose([c.probability for c in found], expected, rtol=1e-12)


def test_a_text_offered_twice_is_listed_once_with_its_best_score():
    first = window_of([(30, 35)], [1.0], [1.0])
    second = window_of([(30, 35)], [2.0], [1.0])
    assert n_best(CONTEXT, [first, second]) == (("Paris", 30, 3.0, 1.0),)


def test_no_valid_span_gives_the_empty_answer():
    outside = window_of([(-1, -1)] * 2, [1.0, 2.0], [1.0, 2.0])
    # The only start stands behind the only end.
    backwards = Window(
        np.array(WORDS[:2]),
        *(np.array([1]), np.array([5.0]), np.array([0]), np.array([5.0])),
    )
    for windows in ([], [outside], [backwards], [outside, backwards]):
        assert best_answer(CONTEXT, windows) == NO_ANSWER == ("", -1, -np.inf)
        assert n_best(CONTEXT, windows) == ()


def test_logits_that_are_not_finite_never_win():
    logits = [np.nan, np.inf, 1.0, -np.inf, 0.0, 0.0, 0.0, 0.0]
    window = window_of(WORDS, logits, [0.0] * 8)
    assert best_answer(CONTEXT, [window], max_tokens=1) == ("Marie", 8, 1.0)
    assert "1910" not in {c.text for c in n_best(CONTEXT, [window], max_tokens=1)}


def test_white_space_is_no_answer_and_stands_around_none():
    # Tokens as SentencePiece cuts them: no width, a space alone, a space in front.
    window = window_of([(2, 2), (2, 3), (2, 7)], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0])
    assert best_answer(CONTEXT, [window], max_tokens=1) == ("1910", 3, 2.0)


def test_normalising_tokenizers_do_not_shift_the_answer():
    context = "ﬁfty-㎞ ½ Ｐａｒｉｓ end"
    vocabulary = {"fifty": 0, "-": 1, "km": 2, "1⁄2": 3, "Paris": 4, "end": 5, "?": 6}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoded = tokenizer.encode(context)
    position = encoded.tokens.index("Paris")
    logits = np.eye(len(encoded.tokens))[position]
    window = window_of(encoded.offsets, logits, logits)
    assert best_answer(context, [window]) == ("Ｐａｒｉｓ", context.index("Ｐ"), 2.0)


def test_offsets_of_another_context_are_refused():
    with pytest.raises(DataError, match=r"window 1.*5 characters.*ends at 20"):
        best_answer("Paris", [window_of([(0, 5)], [0.0], [0.0]), random_windows(0)[0]])
