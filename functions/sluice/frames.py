"""Turns bytes into lines, and well-formed records into a frame of text columns, by Polars' own parsers."""

import polars as pl

from sluice.records import Grammar

ROW_NUMBER = "_row_number"

MALFORMED_SCHEMA = {ROW_NUMBER: pl.Int64, "_raw": pl.String, "_reason": pl.String}

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMPRESSED = (b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"(\xb5/\xfd")
"""How gzip, zlib and Zstandard begin, as Polars tells them: `x^2` is no compressed file in the middle of a text."""


def column_names(header: list[str]) -> list[str]:
    """Return the header's names; a name that is taken already gets its position added."""
    taken = {ROW_NUMBER}
    names = []
    for position, name in enumerate(header):
        while name in taken:
            name = f"{name}_{position}"
        taken.add(name)
        names.append(name)
    return names


def read_lines(text: bytes) -> pl.Series:
    """Return the lines (String) without LF or CRLF. Raises polars.exceptions.ComputeError for other than UTF-8."""
    guarded = text.startswith(_COMPRESSED)
    lines = pl.read_lines(b"\n" + text if guarded else text).to_series()
    return lines[1:] if guarded else lines


def parse_records(text: bytes, columns: list[str], grammar: Grammar) -> pl.DataFrame:
    """Return one String column for each of `columns`; an empty field is "".

    text: UTF-8 records, each ended by LF or CRLF, none blank. On well-formed ones with exactly these fields
    this is the grammar's own reading; for longer ones it raises polars.exceptions.PolarsError, shorter ones
    are padded without a word.
    """
    schema = dict.fromkeys(columns, pl.String)
    if not text:
        return pl.DataFrame(schema=schema)
    # Polars drops U+FEFF from the start of what it parses; in the middle of a file it is data.
    guarded = text.startswith((_BYTE_ORDER_MARK, *_COMPRESSED))
    empty = grammar.delimiter * (len(columns) - 1) or grammar.quote * 2
    frame = pl.read_csv(
        empty + b"\n" + text if guarded else text,
        has_header=False,
        schema=schema,
        separator=grammar.delimiter.decode(),
        quote_char=grammar.quote.decode(),
        empty_string_is_null=False,
    )
    return frame[1:] if guarded else frame
