"""What the reader gives of a file: header, preview and rows, and apart from them what only looks like a row."""

import gzip
import zlib
from pathlib import Path

import pytest

from sluice.contract.declarations import TextFormat
from sluice.read.buffer import TextBuffer
from sluice.read.csv_reader import Reader, read_split
from sluice.read.source import FileSource, Limits
from tests.unit.reading import Bytes, malformed, read, rows


def test_a_row_with_too_few_fields_is_malformed_and_keeps_its_text_and_number() -> None:
    data = b"a,b,c\n1,2,3\n4,5\n7,8,9\n"
    assert rows(data) == [("1", "2", "3", 1), ("7", "8", "9", 3)]
    assert malformed(data) == [(2, "4,5", "row_has_every_field")]


def test_a_row_with_too_many_fields_is_malformed() -> None:
    assert malformed(b"a,b\n1,2,3\n4,5\n") == [(1, "1,2,3", "row_has_no_extra_field")]


def test_a_short_row_whose_last_field_would_be_padded_is_not_mistaken_for_an_empty_field() -> None:
    data = b"a,b\n1,\n2\n3,\n"
    assert rows(data) == [("1", "", 1), ("3", "", 3)]
    assert malformed(data) == [(2, "2", "row_has_every_field")]


def test_a_stray_quote_is_malformed() -> None:
    assert malformed(b'a,b\n1,5" pipe\n2,"x"y\n3,z\n') == [
        (1, '1,5" pipe', "row_has_well_formed_quotes"),
        (2, '2,"x"y', "row_has_well_formed_quotes"),
    ]


def test_an_unclosed_quote_costs_its_own_line_only() -> None:
    data = b'a,b\n1,"open\n2,x\n3,"y, ""z"""\n'
    assert malformed(data) == [(1, '1,"open', "row_has_closed_quotes")]
    assert rows(data) == [("2", "x", 2), ("3", 'y, "z"', 3)]


def test_an_unclosed_quote_in_the_last_line_is_malformed() -> None:
    assert malformed(b'a,b\n1,2\n3,"open') == [(2, '3,"open', "row_has_closed_quotes")]


def test_a_quoted_newline_belongs_to_its_field() -> None:
    reader, batches = read(b'a,b\r\n1,"x\r\ny\nz\rw"\r\n2,v\r\n')
    assert batches[0].rows.rows() == [("1", "x\r\ny\nz\rw", 1), ("2", "v", 2)]
    assert reader.facts.multiline_records == 1
    assert reader.facts.line_ending == "crlf"
    assert reader.facts.quoted


@pytest.mark.parametrize(
    ("ending", "name"), [(b"\n", "lf"), (b"\r\n", "crlf"), (b"\r", "cr")], ids=["lf", "crlf", "cr"]
)
def test_every_line_ending_ends_a_row_and_the_last_may_be_missing(ending: bytes, name: str) -> None:
    data = ending.join([b"a,b", b"1,2", b"3,4"])
    reader, batches = read(data)
    assert [row for batch in batches for row in batch.rows.rows()] == [("1", "2", 1), ("3", "4", 2)]
    assert reader.facts.line_ending == name


def test_mixed_line_endings_are_read_and_named() -> None:
    reader, batches = read(b"a,b\n1,2\r\n3,4\r5,6\n")
    assert sum(batch.rows.height for batch in batches) == 3
    assert reader.facts.line_ending == "mixed"


def test_a_line_end_inside_quotes_does_not_make_the_line_endings_mixed() -> None:
    reader, _ = read(b'a,b\r\n1,"x\ny"\r\n2\r\n')
    assert reader.facts.line_ending == "crlf"


def test_blank_lines_are_no_records_and_get_no_number() -> None:
    reader, batches = read(b"\n  \na,b\n\n1,2\n   \n\n3,4\n\n")
    assert reader.header == ["a", "b"]
    assert [row for batch in batches for row in batch.rows.rows()] == [("1", "2", 1), ("3", "4", 2)]
    assert reader.facts.blank_lines == 6


def test_blank_lines_before_the_header_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = TextBuffer.take
    monkeypatch.setattr(TextBuffer, "take", lambda self, size: (taken.append(size), take(self, size))[1])
    reader, batches = read(b"\n" * 5_000 + b"a,b\n1,2\n", limits=Limits(read_bytes=1_000, head_bytes=1_000))
    assert reader.header == ["a", "b"]
    assert [row for batch in batches for row in batch.rows.rows()] == [("1", "2", 1)]
    assert reader.facts.blank_lines == 5_000
    assert len(taken) < 20  # one by one, each would move all that is held


def test_a_row_of_one_quoted_empty_field_is_a_row_and_a_blank_line_is_none() -> None:
    assert rows(b'only\n""\n\nx\n') == [("", 1), ("x", 2)]


def test_text_is_kept_as_written() -> None:
    assert rows(b'a,b\n 1 ,\t2\n#c,\xef\xbb\xbfd\n\xef\xbb\xbfe,"f"\n') == [
        (" 1 ", "\t2", 1),
        ("#c", "\ufeffd", 2),
        ("\ufeffe", "f", 3),
    ]


@pytest.mark.parametrize("start", ["x^", "x\x01"])
def test_text_that_begins_as_compressed_files_do_is_text(start: str) -> None:
    assert rows(f"a,b\n{start}2,3\n4,{start}\n".encode()) == [(f"{start}2", "3", 1), ("4", start, 2)]
    assert rows(f"only\n{start}2\n".encode()) == [(f"{start}2", 1)]
    reader, _ = read(f"{start}a,b\n1,2\n".encode())
    assert reader.header == [f"{start}a", "b"]


@pytest.mark.parametrize(
    "start",
    [gzip.compress(b"5,6\n", mtime=1), zlib.compress(b"5,6\n"), b"(\xb5/\xfd"],
    ids=["gzip", "zlib", "zstandard"],
)
def test_bytes_that_begin_as_compressed_files_do_are_one_malformed_row(start: bytes) -> None:
    data = b"a,b\n" + start.replace(b"\n", b"").replace(b"\0", b"") + b",x\n3,4\n"
    assert [(number, reason) for number, _, reason in malformed(data)] == [(1, "row_is_utf_8")]
    assert rows(data) == [("3", "4", 2)]


def test_a_nul_byte_makes_its_row_malformed() -> None:
    assert malformed(b"a,b\n1,2\n3,\x00\n") == [(2, "3,\x00", "row_has_no_nul")]


def test_header_names_are_stripped_and_columns_get_names_of_their_own() -> None:
    reader, batches = read(b' a ,"b,x",a,_row_number\n1,2,3,4\n')
    assert reader.header == ["a", "b,x", "a", "_row_number"]
    assert batches[0].rows.columns == ["a", "b,x", "a_2", "_row_number_3", "_row_number"]


def test_the_preview_shows_the_first_lines_and_is_short() -> None:
    reader = Reader(Bytes(b"Report of May\n\nid,name\n" + b"1,x\n" * 100), TextFormat())
    assert reader.header == ["Report of May"]
    assert reader.preview[:3] == ["Report of May", "", "id,name"]
    assert len(reader.preview) == 20
    reader.close()


def test_a_second_iteration_reads_the_file_again() -> None:
    reader = Reader(Bytes(b"a\n1\n2\n"), TextFormat())
    first, second = list(reader), list(reader)
    assert [batch.rows.rows() for batch in first] == [batch.rows.rows() for batch in second]
    assert reader.facts.rows_in == 2


def test_batches_have_about_the_wanted_number_of_records() -> None:
    reader = Reader(Bytes(b"a\n" + b"1234\n" * 1_000), TextFormat(), batch_rows=100)
    numbers = [batch.rows["_row_number"].to_list() for batch in reader]
    assert [round(len(batch), -2) for batch in numbers[:9]] == [100] * 9
    assert [number for batch in numbers for number in batch] == list(range(1, 1_001))


def test_splits_of_a_file_give_the_rows_of_the_whole_file(tmp_path: Path) -> None:
    lines = [f'{n},"x\n{n}",z' if n % 7 else f"{n},short" for n in range(1, 5_001)]
    path = tmp_path / "in.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b,c\n" + "\n".join(lines).encode())
    limits = Limits(split_bytes=10_000, read_bytes=1_000)
    reader = Reader(FileSource(path), TextFormat(), batch_rows=100, limits=limits)
    whole = [(batch.rows.rows(), batch.malformed.rows()) for batch in reader]
    assert reader.facts.splits[0] == (9, 1)
    assert len(reader.facts.splits) >= 5
    parts: list[tuple[list[tuple[object, ...]], list[tuple[object, ...]]]] = []
    ends = [offset for offset, _ in reader.facts.splits[1:]] + [path.stat().st_size]
    for (offset, number), end in zip(reader.facts.splits, ends, strict=True):
        with path.open("rb") as stream:
            stream.seek(offset)
            split = list(read_split(stream, end - offset, reader.header, TextFormat(), number))
        parts.extend((batch.rows.rows(), batch.malformed.rows()) for batch in split)
    assert [row for part, _ in parts for row in part] == [row for part, _ in whole for row in part]
    assert [row for _, part in parts for row in part] == [row for _, part in whole for row in part]
    assert sum(len(part) for _, part in whole) == 5_000 // 7
