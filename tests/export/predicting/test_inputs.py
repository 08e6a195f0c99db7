"""What is predicted: lines of any length and number, read within bounds."""

import io
import json

import pytest

from xlnas_jax.export.predicting import inputs
from xlnas_jax.export.predicting.inputs import Reader, Texts, read_inputs
from xlnas_jax.types import DataError

ASKED = json.dumps({"question": "where?", "context": "in Oslo"}).encode()


def given(content: bytes, read: Reader = inputs.read_text) -> list[Texts]:
    chunks = read_inputs(io.BytesIO(content), "f.txt", read)
    return [texts for chunk in chunks for texts in chunk]


@pytest.mark.parametrize(
    "content",
    [
        b"one\ntwo\n\nfour",
        b"\xef\xbb\xbfone\ntwo\n\nfour\n",
        b"one\r\ntwo\r\n\r\nfour\r\n",
        b"one\rtwo\r\rfour\r",
        b"\xef\xbb\xbfone\rtwo\r\rfour",
    ],
)
def test_line_ends_and_a_mark_make_no_difference(content: bytes) -> None:
    assert given(content) == [("one",), ("two",), ("",), ("four",)]


def test_a_cr_cuts_no_text_where_lines_end_otherwise() -> None:
    assert given(b"a\rb\nc\n") == [("a\rb",), ("c",)]
    assert given("a\u2028b\x0bc\n".encode()) == [("a\u2028b\x0bc",)]


def test_blank_lines_hold_no_question() -> None:
    found = given(
        b"\xef\xbb\xbf" + ASKED + b"\n \n\n" + ASKED + b"\n\n", inputs.read_question
    )
    assert found == [("where?", "in Oslo")] * 2


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[1]",
        b'{"question": "a"}',
        b'{"question": "a", "context": " "}',
        b'{"question": "\\ud800", "context": "b"}',
        b"[" * 100_000,
        b"\xff",
        b"x" * (inputs.MAX_LINE + 1),
    ],
)
def test_what_stands_before_a_bad_line_is_given_out_first(bad: bytes) -> None:
    chunks = read_inputs(
        io.BytesIO(ASKED + b"\n\n" + bad + b"\n" + ASKED), "f.txt", inputs.read_question
    )
    assert next(chunks) == [("where?", "in Oslo")]
    with pytest.raises(DataError, match=r"f\.txt, line 3: ") as error:
        next(chunks)
    assert len(str(error.value)) < 1000


def test_pairs_have_a_tab_between() -> None:
    assert given(b"a\tb\tc\n", inputs.read_pair) == [("a", "b\tc")]
    with pytest.raises(DataError, match="line 2: must be two texts"):
        given(b"a\tb\nc\n", inputs.read_pair)


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_no_more_is_held_than_a_line_and_a_chunk(
    end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_LINE", 1000)
    monkeypatch.setattr(inputs, "CHUNK_SIZE", 3000)
    monkeypatch.setattr(inputs, "_PIECE", 100)

    class Endless(io.RawIOBase):
        """Ten lines of 900 bytes, and then one that never ends."""

        count = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:
            for at in range(len(buffer)):
                is_end = self.count < 9000 and self.count % 900 == 899
                buffer[at] = end[0] if is_end else b"x"[0]
                self.count += 1
            return len(buffer)

    stream = Endless()
    chunks = read_inputs(io.BufferedReader(stream, 100), "f", inputs.read_text)
    assert [len(next(chunks)) for _ in range(3)] == [4, 4, 2]
    with pytest.raises(DataError, match="line 11: a line must have at most 1,000 b"):
        next(chunks)
    assert stream.count < 12_000


def test_a_great_many_lines_come_in_chunks() -> None:
    chunks = read_inputs(io.BytesIO(b"a\n" * 600), "f", inputs.read_text)
    assert [len(chunk) for chunk in chunks] == [256, 256, 88]
