"""Files that the reader refuses by name because they are no text or have no header, and files that only look so."""

import gzip
import pickle
import random

import pytest

from tests.unit.reading import read, rejection, rows


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


def test_a_header_with_an_unclosed_quote_is_refused() -> None:
    assert rejection(b'a,"b\n1,2\n').reason == "header_has_well_formed_quotes"


def test_a_space_before_a_quoted_name_is_told() -> None:
    error = rejection(b'"name", "city"\n"ann", "bonn"\n')
    assert error.reason == "header_has_well_formed_quotes"
    assert "A space stands before a quote" in error.message


def test_a_rejection_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(rejection(b"")))  # noqa: S301
    assert (error.reason, str(error)[:17]) == ("file_is_not_empty", "file_is_not_empty")
