"""What the reader makes of files that are not as they should be, and of files that only look so."""

import gzip
import io
import pickle
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from backports import zstd

from sluice.errors import FileRejected
from sluice.limits import Limits
from sluice.reader import FileSource, RawBatch, Reader, read_split
from sluice.text_format import TextFormat


@dataclass(frozen=True)
class Bytes:
    """A source in memory."""

    data: bytes
    name: str = "bytes"

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.data)


def read(
    data: bytes, encoding: str = "utf-8", delimiter: str = ",", limits: Limits | None = None
) -> tuple[Reader, list[RawBatch]]:
    reader = Reader(Bytes(data), TextFormat(delimiter=delimiter, encoding=encoding), limits=limits)
    return reader, list(reader)


def rows(data: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[tuple[object, ...]]:
    return [row for batch in read(data, encoding, delimiter)[1] for row in batch.rows.rows()]


def malformed(data: bytes, encoding: str = "utf-8") -> list[tuple[object, ...]]:
    return [row for batch in read(data, encoding)[1] for row in batch.malformed.rows()]


def rejection(data: bytes, encoding: str = "utf-8", limits: Limits | None = None) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        read(data, encoding, limits=limits)
    return caught.value


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


def test_a_row_of_one_quoted_empty_field_is_a_row_and_a_blank_line_is_none() -> None:
    assert rows(b'only\n""\n\nx\n') == [("", 1), ("x", 2)]


def test_text_is_kept_as_written() -> None:
    assert rows(b'a,b\n 1 ,\t2\n#c,\xef\xbb\xbfd\n\xef\xbb\xbfe,"f"\n') == [
        (" 1 ", "\t2", 1),
        ("#c", "\ufeffd", 2),
        ("\ufeffe", "f", 3),
    ]


def test_a_nul_byte_makes_its_row_malformed() -> None:
    assert malformed(b"a,b\n1,2\n3,\x00\n") == [(2, "3,\x00", "row_has_no_nul")]


def test_undecodable_bytes_make_their_rows_malformed_and_are_shown() -> None:
    data = "a,b\nééééééé,é\n1,2\n".encode() + b"caf\xe9,3\n" + "é,4\n".encode()
    assert malformed(data) == [(3, "caf\\xe9,3", "row_is_utf_8")]
    assert [row[0] for row in rows(data)] == ["ééééééé", "1", "é"]


def test_a_file_of_undecodable_rows_only_gives_malformed_rows() -> None:
    assert len(malformed(b"a,b\n" + b"\xe9,\xe8\n" * 100)) == 100


def test_a_declared_single_byte_encoding_is_recoded() -> None:
    assert rows(b"name,price\ncaf\xe9,3 \x80\n", "cp1252") == [("café", "3 €", 1)]
    assert rows(b"name\ncaf\xe9\n", "latin-1") == [("café", 1)]


def test_a_byte_that_the_declared_encoding_lacks_makes_its_row_malformed() -> None:
    data = b"a,b\n" + b"\xe9" * 9 + b",\xe9\n1,\x81\n2,\xe9\n3,4\n"
    assert malformed(data, "cp1252") == [(2, "1,\\x81", "row_is_cp1252")]


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "cp037", "utf-8-nonsense"])
def test_an_encoding_that_the_reader_cannot_split_safely_is_a_wrong_contract(encoding: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        Reader(Bytes(b"a\n1\n"), TextFormat(encoding=encoding))


def test_a_byte_order_mark_is_not_part_of_the_first_name() -> None:
    reader, batches = read(b"\xef\xbb\xbfa,b\n1,2\n")
    assert reader.header == ["a", "b"]
    assert reader.facts.bom
    assert batches[0].rows.rows() == [("1", "2", 1)]


def test_a_utf_8_mark_contradicts_a_declared_latin_1() -> None:
    error = rejection(b"\xef\xbb\xbfa,b\n1,2\n", "latin-1")
    assert error.reason == "file_is_iso8859_1"


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-16", "UTF-16LE"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32LE"), ("utf-32-le", "UTF-32LE"), ("utf-32-be", "UTF-32BE"),
    ],
)  # fmt: skip
def test_wide_encodings_are_refused_by_name_with_and_without_mark(codec: str, name: str) -> None:
    error = rejection("transaction_id,store_id\nT1,S1\n".encode(codec))
    assert error.reason == "file_is_utf_8"
    assert name in error.message
    assert "iconv" in error.message


def test_a_header_in_another_encoding_refuses_the_file() -> None:
    error = rejection("größe,b\n1,2\n".encode("latin-1"))
    assert error.reason == "file_is_utf_8"
    assert "byte 3 (0xf6)" in error.message


@pytest.mark.parametrize(
    ("magic", "kind"),
    [
        (b"PK\x03\x04" + bytes(60), "Excel"),
        (b"PAR1\x15\x04\x15", "Parquet"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
        (b"BZh91AY&SY", "bzip2"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "gzip file inside"),
    ],
)
def test_a_binary_file_is_refused_and_named(magic: bytes, kind: str) -> None:
    error = rejection(magic)
    assert error.reason == "file_is_text"
    assert kind in error.message


def test_random_bytes_are_refused_as_binary() -> None:
    assert rejection(random.Random(5).randbytes(4096)).reason == "file_is_text"  # noqa: S311


def test_a_header_that_begins_like_a_magic_number_is_text() -> None:
    assert rows(b"ORCHARD,PAR1\n1,2\n") == [("1", "2", 1)]


def test_an_empty_file_is_refused_compressed_or_not() -> None:
    assert rejection(b"").reason == "file_is_not_empty"
    assert rejection(gzip.compress(b"")).reason == "file_is_not_empty"


def test_a_file_of_blank_lines_has_no_header() -> None:
    assert rejection(b"\n \n\r\n").reason == "file_has_a_header"


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n", b"a,b\r\n\r\n"])
def test_a_file_with_only_a_header_has_no_rows(data: bytes) -> None:
    reader, batches = read(data)
    assert reader.header == ["a", "b"]
    assert batches == []
    assert reader.facts.rows_in == 0


def test_header_names_are_stripped_and_columns_get_names_of_their_own() -> None:
    reader, batches = read(b' a ,"b,x",a,_row_number\n1,2,3,4\n')
    assert reader.header == ["a", "b,x", "a", "_row_number"]
    assert batches[0].rows.columns == ["a", "b,x", "a_2", "_row_number_3", "_row_number"]


def test_a_header_with_an_unclosed_quote_is_refused() -> None:
    assert rejection(b'a,"b\n1,2\n').reason == "header_has_well_formed_quotes"


def test_a_million_columns_are_refused() -> None:
    error = rejection(b",".join(b"c%d" % place for place in range(1_000_000)) + b"\n")
    assert error.reason == "header_has_at_most_2000_columns"
    assert "1,000,000" in error.message


def test_two_thousand_columns_are_read() -> None:
    names = b",".join(b"c%d" % place for place in range(2_000))
    row = b",".join([b'"x, y"', *[b"1"] * 1_998, b""])
    assert rows(names + b"\n" + row + b"\n" + row[:-1] + b"\n") == [("x, y", *["1"] * 1_998, "", 1)]


def test_a_record_beyond_the_limit_refuses_the_file() -> None:
    error = rejection(b"a,b\n" + b"x" * (17 << 20) + b",1\n")
    assert error.reason == "file_has_records_under_16_mib"


def test_a_field_of_a_megabyte_is_a_field() -> None:
    long = "x" * (1 << 20)
    data = f'a,b\n1,{long}\n2,"{long}\n{long}"\n3,y\n'.encode()
    assert rows(data) == [("1", long, 1), ("2", f"{long}\n{long}", 2), ("3", "y", 3)]


def test_several_gzip_members_are_one_file() -> None:
    data = gzip.compress(b"a,b\n1,") + gzip.compress(b"") + gzip.compress(b"2\n") + bytes(512)
    reader, batches = read(data)
    assert batches[0].rows.rows() == [("1", "2", 1)]
    assert reader.facts.compression == "gzip"
    assert reader.facts.bytes_in == len(data)
    assert reader.facts.bytes_text == 8
    assert reader.facts.splits == []


def test_several_zstd_frames_are_one_file() -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    data = skippable + zstd.compress(b"a,b\n1,") + skippable + zstd.compress(b"2\n")
    reader, batches = read(data)
    assert batches[0].rows.rows() == [("1", "2", 1)]
    assert reader.facts.compression == "zstd"


LONG = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("missing", [1, 5, 9, 1_000])
def test_a_truncated_file_is_refused_with_its_place(compress: object, missing: int) -> None:
    whole = compress(LONG)  # type: ignore[operator]
    error = rejection(whole[:-missing])
    assert error.reason == "file_is_complete"
    assert "bytes of text" in error.message
    assert sum(batch.rows_in for batch in read(whole)[1]) == 20_000


def test_a_file_with_a_damaged_byte_is_refused() -> None:
    whole = bytearray(gzip.compress(LONG))
    whole[len(whole) // 2] ^= 0xFF
    assert rejection(bytes(whole)).reason == "file_is_complete"


def test_garbage_behind_a_gzip_member_is_not_dropped_silently() -> None:
    assert rejection(gzip.compress(b"a,b\n1,2\n") + b"garbage").reason == "file_is_complete"


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_decompression_bomb_is_refused_early(compress: object) -> None:
    bomb = compress(b"a,b\n" + b"1,2\n" * 4_000_000)  # type: ignore[operator]
    error = rejection(bomb, limits=Limits(bomb_bytes=1 << 20))
    assert error.reason == "file_is_not_a_bomb"


def test_a_rejection_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(rejection(b"")))  # noqa: S301
    assert (error.reason, str(error)[:17]) == ("file_is_not_empty", "file_is_not_empty")


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


PEAK = """
import resource, sys
from pathlib import Path
from sluice.errors import FileRejected
from sluice.reader import FileSource, Reader
from sluice.text_format import TextFormat
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reason = "none"
try:
    for batch in Reader(FileSource(Path(sys.argv[1])), TextFormat()): pass
except FileRejected as rejected:
    reason = rejected.reason
print(reason, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def peak_of(path: Path) -> tuple[str, int]:
    """How reading a file ended, and the MiB that it took beyond the interpreter with its packages."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "functions")},
    )
    reason, mib = done.stdout.split()
    return reason, int(mib)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_of_gigabytes_takes_bounded_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    block = b"1,2\n" * (1 << 20)
    with path.open("wb") as file:
        out = gzip.GzipFile(fileobj=file, mode="wb") if kind == "gzip" else (zstd.ZstdFile(file, "w"))
        with out:
            out.write(b"a,b\n")
            for _ in range(100):
                out.write(block)
    reason, mib = peak_of(path)
    assert reason == "file_is_not_a_bomb"
    assert mib < 300


def test_rows_of_a_megabyte_take_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for number in range(300):
            file.write(b'%d,"%s"\n' % (number, b"x" * (1 << 20)))
    reason, mib = peak_of(path)
    assert reason == "none"
    assert mib < 300
