"""What is held of a buffered text, whatever its blocks."""

import io

from hypothesis import given
from hypothesis import strategies as st

from sluice.read.buffer import TextBuffer
from sluice.read.compression import TextStream
from sluice.read.source import Limits


def buffer_of(text: bytes, block: int = 4) -> TextBuffer:
    return TextBuffer(TextStream(io.BytesIO(text), Limits(read_bytes=block), stored=True))


def test_lines_are_those_that_end_within_the_size() -> None:
    buffer = buffer_of(b"one\ntwo\nthree\n")
    buffer.fill(9)
    assert buffer.lines(9) == b"one\ntwo\n"
    assert buffer.lines(8) == b"one\ntwo\n"
    assert buffer.lines(7) == b"one\n"


def test_without_a_line_end_within_the_size_all_that_is_held_is_returned() -> None:
    buffer = buffer_of(b"a long line\nshort\n", block=16)
    buffer.fill(5)
    assert buffer.lines(5) == b"a long line\nshor"


def test_the_end_of_the_text_needs_no_line_end() -> None:
    buffer = buffer_of(b"one\ntwo")
    buffer.fill(100)
    assert buffer.final
    assert buffer.lines(100) == b"one\ntwo"


def test_what_was_taken_is_not_returned_again() -> None:
    buffer = buffer_of(b"one\ntwo\nthree\n")
    buffer.fill(10)
    buffer.take(4)
    assert buffer.first(4) == b"two\n"
    buffer.fill(10)
    assert buffer.first(99) == b"two\nthree\n"
    buffer.take(10)
    assert not buffer
    assert buffer.first(1) == b""


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b""]), max_size=40).map(b"".join),
    block=st.integers(1, 9),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=60),
)
def test_lines_taken_one_after_another_are_the_text_in_its_order(text: bytes, block: int, sizes: list[int]) -> None:
    buffer = buffer_of(text, block)
    taken = []
    for size in [*sizes, *[12] * len(text)]:
        buffer.fill(size)
        taken.append(buffer.lines(size))
        assert len(taken[-1]) <= len(buffer)
        buffer.take(len(taken[-1]))
    assert b"".join(taken) == text
    assert buffer.final
