"""Mistakes in how a contract reads its files: the format of the text, names of columns, dates."""

import codecs
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from sluice.contract.date_formats import OFFSETS, format_problems, sample
from sluice.contract.declarations import Reading, TextFormat
from sluice.contract.values import parser

if TYPE_CHECKING:
    from sluice.contract.model import Contract


def codec_name(encoding: str) -> str:
    """Return the codec's one name ("utf-8", "cp1252").

    Raises ValueError unless it is UTF-8 or a single-byte codec in which ASCII stands for itself.
    """
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig"):
        return "utf-8"
    plain = bytes(range(128))
    every = bytes(range(256)).decode(name, "replace")
    if len(every) != 256 or plain.decode(name, "replace") != plain.decode("ascii"):
        raise ValueError(f"encoding {encoding!r} is neither UTF-8 nor a single-byte superset of ASCII")
    return name


def reading_problems(contract: "Contract") -> Iterator[str]:
    """Yield what is wrong with a contract's Reading."""
    yield from _format_problems(contract.reading.format)
    yield from _name_problems(contract)
    yield from date_problems(contract.reading, contract.parsed)


def _format_problems(text: TextFormat) -> Iterator[str]:
    for name, mark in (("delimiter", text.delimiter), ("quote", text.quote), ("escape", text.escape or "\\")):
        if len(mark) != 1 or not mark.isascii() or mark in "\r\n\0":
            yield f"TextFormat: {mark!r} is no {name}: it is one ASCII character, and no line break"
    if text.escape in (text.delimiter, text.quote):
        yield f"TextFormat: {text.escape!r} cannot be the escape, too; quotes may always be doubled"
    if text.skip_lines < 0:
        yield "TextFormat: skip_lines counts the lines above the header"
    if text.delimiter == text.quote:
        yield f"TextFormat: {text.quote!r} cannot be both the delimiter and the quote"
    try:
        codec_name(text.encoding)
    except (LookupError, ValueError) as error:
        yield f"TextFormat: {error}; write 'utf-8', or a single-byte encoding such as 'cp1252'"


def _name_problems(contract: "Contract") -> Iterator[str]:
    """Yield names of columns that a header could not be matched to: it is compared trimmed and in any case."""
    reading = contract.reading
    for name in reading.input_only:
        if name in contract.types:
            yield f"input_only: {name} is a column of the model; its name here needs a _raw, say, and an alias"
    seen: dict[str, str] = {}
    for alias, name in reading.aliases.items():
        plain = alias.strip().lower()
        if not plain:
            yield f"aliases: the alias of {name!r} is empty"
        elif alias != alias.strip():
            yield f"aliases: write {alias.strip()!r} without blanks around it: names are compared trimmed"
        elif plain in contract.file_columns and plain != name:
            yield f"aliases: {alias!r} is a column of its own, and cannot be another name of {name!r}"
        elif plain in seen and seen[plain] != alias:
            yield f"aliases: {seen[plain]!r} and {alias!r} are one name: names are compared in any case"
        seen[plain] = alias


def date_problems(reading: Reading, parsed: Mapping[str, pl.DataType]) -> Iterator[str]:
    """Yield what is wrong with the declarations of dates. Each format must accept a text that is written in it."""
    for name, formats in reading.dates.items():
        dtype = parsed.get(name, pl.String())
        if not isinstance(dtype, pl.Date | pl.Datetime):
            yield f"dates: {name} is no Date or Datetime that is read from the file"
            continue
        if isinstance(formats, str) or not formats:
            yield f"dates: {name} needs a tuple of formats, such as ({formats or '%Y-%m-%d'!r},)"
            continue
        for one in formats:
            problems = list(format_problems(one, dtype, century_pivot=name in reading.century_pivots))
            yield from (f"dates: {name}: {problem}" for problem in problems)
            if (
                not problems
                and parser(reading, name, dtype)(pl.Series(name, [sample(one)]), formats=(one,)).null_count()
            ):
                yield f"dates: {name}: {one!r} does not accept {sample(one)!r}, which is written in it"
    for name, zone in reading.time_zones.items():
        if not isinstance(parsed.get(name), pl.Datetime):
            yield f"time_zones: {name} is no Datetime that is read from the file"
        elif not _is_time_zone(zone):
            yield f"time_zones: {name}: there is no time zone {zone!r}; write one such as 'Europe/Berlin'"
        elif all(_has_own_zone(one) for one in reading.dates.get(name, ("",))):
            yield f"time_zones: {name}: every format of it has an offset or counts from 1970, and so a zone of its own"
    for name, pivot in reading.century_pivots.items():
        if not any("%y" in one for one in reading.dates.get(name, ())):
            yield f"century_pivots: {name} has no format with %y"
        elif not 1099 <= pivot <= 9999:
            yield f"century_pivots: {name}: {pivot} is no year of four digits, such as 2025"


def _has_own_zone(strptime: str) -> bool:
    return strptime.startswith("epoch") or any(offset in strptime for offset in OFFSETS)


def _is_time_zone(name: str) -> bool:
    try:
        pl.Series([0]).cast(pl.Datetime("us")).dt.replace_time_zone(name)
    except pl.exceptions.ComputeError:
        return False
    return True
