"""Compressed files: in several parts, cut off or damaged."""

import gzip

import pytest
from backports import zstd

from tests.unit.reading import read, rejection

LONG = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))


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
