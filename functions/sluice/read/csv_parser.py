"""Turns well-formed records into a frame of text columns, by Polars' own parser."""

import polars as pl

from sluice.read.csv_grammar import Grammar
from sluice.read.csv_lines import COMPRESSED

ROW_NUMBER = "_row_number"

MALFORMED_SCHEMA = {ROW_NUMBER: pl.Int64, "_raw": pl.String, "_reason": pl.String}

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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


def parse_records(text: bytes, columns: list[str], grammar: Grammar) -> pl.DataFrame:
    """Return one String column for each of `columns`; an empty field is "", or null where the format
    tells it from a quoted one.

    text: UTF-8 records, each ended by LF or CRLF, none blank. Well-formed records with exactly these fields are read
    as the grammar says; longer ones raise polars.exceptions.PolarsError, shorter ones are padded silently.
    """
    schema = dict.fromkeys(columns, pl.String)
    if not text:
        return pl.DataFrame(schema=schema)
    # Polars drops U+FEFF from the start of what it parses; in the middle of a file it is data.
    guarded = text.startswith((_BYTE_ORDER_MARK, *COMPRESSED))
    empty = grammar.delimiter * (len(columns) - 1) or grammar.quote * 2
    frame = pl.read_csv(
        empty + b"\n" + text if guarded else text,
        has_header=False,
        schema=schema,
        separator=grammar.delimiter.decode(),
        quote_char=grammar.quote.decode(),
        empty_string_is_null=grammar.text_format.quoted_empty_is_text,
    )
    # Polars parses into many chunks, and later steps would go through them one by one.
    return (frame[1:] if guarded else frame).rechunk()
