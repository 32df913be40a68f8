"""Turns bytes of any encoding into lines of text, by Polars' own reader of lines, which checks UTF-8 as it reads."""

import re

import polars as pl

COMPRESSED = (b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"(\xb5/\xfd")
"""How gzip, zlib and Zstandard begin, as Polars detects them: it would decompress a text that begins with `x^`."""

# What surrogateescape makes of an undecodable byte: one character for one byte.
_UNDECODABLE = re.compile("[\udc80-\udcff]")


def lines_of(raw: bytes, encoding: str) -> tuple[bytes, pl.Series, list[int]]:
    """Return UTF-8 of the bytes, in which "?" stands for an undecodable byte; its lines (String) without LF or CRLF;
    where the undecodable bytes are: their offsets in UTF-8, the number of characters before them in other encodings."""
    try:
        text = utf8(raw, encoding)
        return text, _read(text), []
    except (UnicodeDecodeError, pl.exceptions.ComputeError):
        text, undecodable = _with_replacements(raw, encoding)
        return text, _read(text), undecodable


def utf8(raw: bytes, encoding: str) -> bytes:
    """Return the same text in UTF-8; text declared as UTF-8 is not checked. Raises UnicodeDecodeError."""
    return raw if encoding == "utf-8" else raw.decode(encoding).encode()


def endings_of(text: bytes, lines: pl.Series) -> set[bytes]:
    """Return which line ends there are; {b"\\r"} when a CR stands alone. Polars cut one CR off each line's end."""
    if b"\r" not in text:
        return {b"\n"}
    if lines.str.contains("\r", literal=True).any():
        return {b"\r"}
    returns = len(text) - lines.len() - int(lines.str.len_bytes().cast(pl.Int64).sum())
    return {b"\r\n"} if returns == lines.len() else {b"\r\n", b"\n"}


def _read(text: bytes) -> pl.Series:
    guarded = text.startswith(COMPRESSED)
    lines = pl.read_lines(b"\n" + text if guarded else text).to_series()
    return lines[1:] if guarded else lines


def _with_replacements(raw: bytes, encoding: str) -> tuple[bytes, list[int]]:
    text = raw.decode(encoding, "surrogateescape")
    offsets, before, offset = [], 0, 0
    for found in _UNDECODABLE.finditer(text):
        passed = text[before : found.start()]
        offset += len(passed.encode("utf-8", "surrogateescape")) if encoding == "utf-8" else len(passed)
        offsets.append(offset)
        before = found.start()
    return _UNDECODABLE.sub("?", text).encode(), offsets
