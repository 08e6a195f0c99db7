"""Long contexts cut into overlapping windows, and answers found in them again.

Questions and contexts are tokenised once, without special tokens; the windows are
cut from that and wrapped as the tokenizer wraps a pair.

References:
    Devlin et al., "BERT", 2019, section 4.2. https://arxiv.org/abs/1810.04805
    Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tokenizers
from jaxtyping import Int

from xlnas_jax.data.examples import Answer
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.tokens.offsets import Offsets, original_offsets
from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.types import ConfigError, DataError, brief

MAX_QUESTION_TOKENS = 64
DOC_STRIDE = 128
# Of a question or a context: a book has more, and is no context.
MAX_CHARACTERS = 500_000
_MIN_ROOM = 2
_FAR = 2**31 - 1


class Window(NamedTuple):
    """A question with a part of its context, as token ids that are not padded.

    Attributes:
        ids, segments: special tokens included.
        offsets: of each token in `first:last`, its first character in the original
            context and the one after its last, without white space around; a token
            of white space alone is empty.
        first, last: half-open range of the context's tokens in `ids`.
        shift: position of token `first` in the whole context's tokens, so that a
            token of two windows has one position in the document.
        bounds: where the token before the window ends and the one after it starts.
    """

    ids: Sequence[int]
    segments: Sequence[int]
    offsets: Offsets
    first: int
    last: int
    shift: int
    bounds: tuple[int, int] = (0, _FAR)


class _Template(NamedTuple):
    """What stands before, between and after the two texts of a pair."""

    before: tuple[list[int], list[int]]
    between: tuple[list[int], list[int]]
    after: tuple[list[int], list[int]]
    segments: tuple[int, int]

    @property
    def size(self) -> int:
        return sum(len(ids) for ids, _ in (self.before, self.between, self.after))


class _Document(NamedTuple):
    """A whole context as tokens."""

    ids: list[int]
    offsets: Offsets


def make_windows(
    tokenizer: Tokenizer,
    questions: Sequence[str],
    contexts: Sequence[str],
    doc_stride: int = DOC_STRIDE,
    max_question_tokens: int = MAX_QUESTION_TOKENS,
    faults: Faults | None = None,
) -> list[tuple[Window, ...]]:
    """The windows of each question, at most `tokenizer.max_length` tokens each.

    Args:
        doc_stride: tokens from one window's start to the next one's, as in BERT and
            XTREME; what `tokenizers` calls `stride` is the overlap instead.
        max_question_tokens: longer questions are cut, with what stands before them.
            They never get more than half of the window either, so that there is room
            for the context.
        faults: notes how many questions were cut.

    Raises:
        ConfigError: a window has no room for a question and a context.
    """
    for text in (*questions, *contexts):
        if len(text) > MAX_CHARACTERS:
            raise DataError(
                f"a question and its context: must have at most {MAX_CHARACTERS:,} "
                f"characters each; got {len(text):,} in {brief(text)}. Cut the context "
                f"into parts that can each answer."
            )
    backend = tokenizer.backend
    backend.no_truncation()
    backend.no_padding()
    distinct = list(dict.fromkeys(contexts))  # SQuAD asks five questions on each
    with speaking("the tokenizer", "encode these questions and contexts"):
        whole = [tokenizer.prefix + question for question in questions]
        asked = backend.encode_batch(whole, add_special_tokens=False)
        encoded = backend.encode_batch(distinct, add_special_tokens=False)
        template = _learn_template(backend)
    documents = {
        context: _Document(one.ids, original_offsets(one, context))
        for context, one in zip(distinct, encoded, strict=True)
    }
    room = tokenizer.max_length - template.size
    if room < 2 * _MIN_ROOM or doc_stride < 1:
        raise ConfigError(
            f"tokens.max_length: a question and its context need at least "
            f"{2 * _MIN_ROOM + template.size} tokens a window, and a stride of 1; got "
            f"{tokenizer.max_length} and {doc_stride}. Use for example 384 and 128."
        )
    limit = min(max_question_tokens, room // 2)
    too_long = sum(len(question.ids) > limit for question in asked)
    if faults is not None and too_long:
        faults.note(f"question cut to {limit} tokens", too_long)
    return [
        _cut(question.ids[:limit], documents[context], template, room, doc_stride)
        for question, context in zip(asked, contexts, strict=True)
    ]


def answer_span(window: Window, answer: Answer) -> tuple[int, int] | None:
    """First and last token of the window that cover the answer, both included.

    An answer that begins or ends inside a token is widened to it. None where the
    answer is not wholly inside the window.
    """
    start, end = _characters(answer)
    before, after = window.bounds
    inside = _overlapping(window, start, end)
    if before > start or after < end or len(inside) == 0:
        return None
    return window.first + int(inside[0]), window.first + int(inside[-1])


def document_span(windows: Sequence[Window], answer: Answer) -> tuple[int, int] | None:
    """First and last token of the whole context that cover the answer.

    Args:
        windows: all windows of the question.

    Returns:
        Positions as counted by `Window.shift`; None where no token has any of the
        answer's characters, because the tokenizer drops them.
    """
    start, end = _characters(answer)
    tokens = [window.shift + _overlapping(window, start, end) for window in windows]
    positions = np.concatenate(tokens)
    if len(positions) == 0:
        return None
    return int(positions.min()), int(positions.max())


def _characters(answer: Answer) -> tuple[int, int]:
    """First character of the answer and the one after its last, white space apart."""
    left = len(answer.text) - len(answer.text.lstrip())
    return answer.start + left, answer.start + len(answer.text.rstrip())


def _overlapping(window: Window, start: int, end: int) -> Int[np.ndarray, " token"]:
    """Which of the window's context tokens share a character with a range."""
    is_inside = (window.offsets[:, 0] < end) & (window.offsets[:, 1] > start)
    is_inside &= window.offsets[:, 0] < window.offsets[:, 1]
    return np.flatnonzero(is_inside)


def _cut(
    question: list[int],
    document: _Document,
    template: _Template,
    room: int,
    doc_stride: int,
) -> tuple[Window, ...]:
    """All windows of one question; the last one ends where the context ends."""
    size = room - len(question)
    step = min(doc_stride, size)  # a longer one would pass over tokens
    count = max(0, -(-(len(document.ids) - size) // step)) + 1
    return tuple(
        _window(question, document, template, number * step, number * step + size)
        for number in range(count)
    )


def _window(
    question: list[int],
    document: _Document,
    template: _Template,
    start: int,
    end: int,
) -> Window:
    ids, offsets = document.ids[start:end], document.offsets
    before, between, after = template.before, template.between, template.after
    first = len(before[0]) + len(question) + len(between[0])
    ours, theirs = template.segments
    segments = [*before[1], *[ours] * len(question), *between[1]]
    return Window(
        ids=[*before[0], *question, *between[0], *ids, *after[0]],
        segments=[*segments, *[theirs] * len(ids), *after[1]],
        offsets=offsets[start:end],
        first=first,
        last=first + len(ids),
        shift=start,
        bounds=(
            int(offsets[:start, 1].max(initial=0)),
            int(offsets[end:, 0].min(initial=_FAR)),
        ),
    )


def _learn_template(backend: tokenizers.Tokenizer) -> _Template:
    """How the tokenizer wraps a pair, learned from one."""
    probe = backend.encode("a", "a")
    texts, ids, segments = probe.sequence_ids, probe.ids, probe.type_ids
    # Where each text begins and ends; a text without tokens cannot be placed.
    ours = [place for place, text in enumerate(texts) if text == 0]
    theirs = [place for place, text in enumerate(texts) if text == 1]
    if not ours or not theirs or ours[-1] > theirs[0]:
        raise ConfigError(
            f"tokenizer: must encode a pair as first and second text; got "
            f"{probe.tokens} for the pair 'a', 'a'. Use another tokenizer."
        )

    def part(start: int, end: int) -> tuple[list[int], list[int]]:
        return ids[start:end], segments[start:end]

    return _Template(
        before=part(0, ours[0]),
        between=part(ours[-1] + 1, theirs[0]),
        after=part(theirs[-1] + 1, len(ids)),
        segments=(segments[ours[0]], segments[theirs[0]]),
    )
