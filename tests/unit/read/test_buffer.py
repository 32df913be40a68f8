"""What is held of a text that was read ahead, whatever its blocks."""

import io

import pytest
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


def test_without_a_line_end_within_the_size_all_that_is_held_is_given() -> None:
    buffer = buffer_of(b"a long line\nshort\n", block=16)
    buffer.fill(5)
    assert buffer.lines(5) == b"a long line\nshor"


def test_the_end_of_the_text_needs_no_line_end() -> None:
    buffer = buffer_of(b"one\ntwo")
    buffer.fill(100)
    assert buffer.final
    assert buffer.lines(100) == b"one\ntwo"


def test_what_was_taken_is_not_given_again() -> None:
    buffer = buffer_of(b"one\ntwo\nthree\n")
    buffer.fill(10)
    buffer.take(4)
    assert buffer.first(4) == b"two\n"
    buffer.fill(10)
    assert buffer.first(99) == b"two\nthree\n"
    buffer.take(10)
    assert not buffer
    assert buffer.first(1) == b""


def test_a_copy_stays_what_it_was_when_the_memory_serves_again() -> None:
    buffer = buffer_of(b"one\ntwo\n")
    buffer.fill(4)
    copy = buffer.first(4)
    buffer.take(4)
    buffer.fill(4)
    assert copy == b"one\n"


@pytest.mark.parametrize("size", [64, 1_000])
def test_its_memory_serves_again(size: int) -> None:
    buffer = buffer_of(b"x" * 64 * size, block=size // 4)
    buffer.fill(size)
    memory = buffer._memory
    for _ in range(60):
        buffer.take(size)
        buffer.fill(size)
    assert buffer._memory is memory


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b""]), max_size=40).map(b"".join),
    block=st.integers(1, 9),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=60),
)
def test_pieces_are_the_text_in_its_order(text: bytes, block: int, sizes: list[int]) -> None:
    buffer = buffer_of(text, block)
    pieces = []
    for size in [*sizes, *[12] * len(text)]:
        buffer.fill(size)
        pieces.append(buffer.lines(size))
        assert len(pieces[-1]) <= len(buffer)
        buffer.take(len(pieces[-1]))
    assert b"".join(pieces) == text
    assert buffer.final
