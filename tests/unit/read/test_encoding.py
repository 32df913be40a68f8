"""Encodings: declared, marked, and other than declared."""

import pytest

from sluice.contract.declarations import TextFormat
from sluice.read.csv_reader import Reader
from tests.unit.reading import Bytes, malformed, read, rejection, rows


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
