"""The reader against the reference state machine, whatever the sizes of reads and batches are."""

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.contract.declarations import TextFormat
from sluice.errors import FileRejected
from sluice.read.csv_reader import Reader, read_split
from sluice.read.source import Limits, RawBatch
from tests.unit import reader_reference as reference
from tests.unit.reading import Bytes


def small(step: int, record_bytes: int = 1 << 20) -> Limits:
    """Limits with which every boundary of the reader falls within a short file."""
    return Limits(head_bytes=4, read_bytes=step, batch_bytes=step, record_bytes=record_bytes, split_bytes=step * 3)


def rows_of(batches: list[RawBatch]) -> list[tuple[object, ...]]:
    return [row for batch in batches for row in batch.rows.rows()]


def malformed_of(batches: list[RawBatch]) -> list[tuple[object, ...]]:
    return [row for batch in batches for row in batch.malformed.rows()]


HEADERS = [b"a,b,c", b'"a",b,"c"', b"only"]
PIECES = st.sampled_from(
    [
        *[
            b"a",
            b"xyz",
            b",",
            b",",
            b'"',
            b'"',
            b'""',
            b"\n",
            b"\n",
            b"\r\n",
            b"\r",
            b" ",
            b"\n\n",
            b"\n  \n",
        ],
        *[b"\n  \n", b'","', b',"', b'",', b'"\n', b'\n"', b",,\n", b'"",b,c\n', b'a,"b,c\n', b'"x\ny",,\n'],
        *[b"1,2,3\n", b'1,"2",3\n', b'1,"2,""2""",3\r\n'],
        *[b"\xc3\xa9", b"\xe9", b"\x81", b"\0", b"\xef\xbb\xbf", b"\xef\xbb\xbf1,2,3\n"],
    ]
)
BODIES = st.lists(PIECES, max_size=30).map(b"".join)


def check_file(data: bytes, encoding: str, step: int, batch_rows: int, record_bytes: int = 1 << 20) -> None:
    expected = reference.read(data, encoding=encoding, record_bytes=record_bytes)
    source = Bytes(data, step)
    reader = Reader(source, TextFormat(encoding=encoding), batch_rows, small(step, record_bytes))
    batches = list(reader)
    assert reader.header == expected.header
    assert malformed_of(batches) == expected.malformed
    assert rows_of(batches) == expected.rows
    facts = reader.facts
    assert facts.multiline_records == expected.multiline
    assert facts.blank_lines == expected.blank
    assert facts.rows_in == len(expected.rows) + len(expected.malformed)
    assert facts.bytes_text == len(data)
    assert facts.quoted == (b'"' in data)
    kinds = {b"\n": "lf", b"\r\n": "crlf", b"\r": "cr"}
    assert facts.line_ending == (
        "none" if not expected.endings else kinds[expected.endings.pop()] if len(expected.endings) == 1 else "mixed"
    )
    ends = [offset for offset, _ in facts.splits[1:]] + [len(data)]
    parts = [
        batch
        for (offset, number), end in zip(facts.splits, ends, strict=True)
        for batch in read_split(
            io.BytesIO(data[offset:]),
            end - offset,
            reader.header,
            TextFormat(encoding=encoding),
            number,
            batch_rows,
            small(step, record_bytes),
            facts.header_ending,
        )
    ]
    assert rows_of(parts) == rows_of(batches)
    assert malformed_of(parts) == malformed_of(batches)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(HEADERS),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    BODIES,
    st.sampled_from(["utf-8", "cp1252", "iso8859-1"]),
    st.integers(1, 64),
    st.integers(1, 8),
)
@example(b"a,b,c", b"\n", b'1,"2\n3,"4",5\n6,7,8\n', "utf-8", 1, 1)
def test_every_file_is_read_as_the_reference_reads_it(
    header: bytes, ending: bytes, body: bytes, encoding: str, step: int, batch_rows: int
) -> None:
    check_file(header + ending + body, encoding, step, batch_rows)


@settings(max_examples=300, deadline=None)
@given(BODIES, st.integers(1, 64), st.integers(9, 40))
def test_the_limit_of_a_record_falls_where_the_reference_has_it(body: bytes, step: int, record_bytes: int) -> None:
    data = b"a,b,c\n" + body
    try:
        reference.read(data, record_bytes=record_bytes)
    except OverflowError:
        with pytest.raises(FileRejected, match="file_has_records_under_16_mib"):
            list(Reader(Bytes(data, step), TextFormat(), 4, small(step, record_bytes)))
    else:
        check_file(data, "utf-8", step, 4, record_bytes)
