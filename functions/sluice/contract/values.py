"""Text to typed values, exactly: text that is no value of the type becomes null."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache, partial
from typing import Any, NamedTuple

import polars as pl

from sluice.contract.date_formats import COUNTED, OFFSETS, shape
from sluice.contract.declarations import Constant, Reading
from sluice.runtime.polars_columns import row_indices, select_column, unmatched

TIMESTAMPS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%d",
)
"""ISO 8601 as people write it, every part with all its digits: a truncated timestamp is none.
An offset converts to UTC; without one the time is taken as it is. The most frequent come first; a format without a
fraction takes Polars an eighth of the time."""
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE = r"^[+-]?[0-9]+\.?0*$"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
_FEW_CELLS = 8_192
_SAMPLE = 64
_EXCEL_1970 = 25_569
_SKIPPED, _TWICE = datetime(1, 1, 1), datetime(2, 1, 1)
"""Stand for local times that a zone skips or has twice until all formats are tried: no later format may read them."""


class _Dates(NamedTuple):
    """How local times and years of two digits are understood; as Reading."""

    time_zone: str | None = None
    century_pivot: int | None = None


def parse(
    text: pl.Series,
    dtype: pl.DataType,
    formats: Sequence[str] = (),
    *,
    time_zone: str | None = None,
    century_pivot: int | None = None,
) -> pl.Series:
    """Return the column as `dtype`; text that is no such value is null.

    text: String, trimmed, numbers with a decimal point. formats: of dates and timestamps (date_formats).
    time_zone, century_pivot: as Reading has them for this column.
    Whole numbers may end in `.0`; decimals are rounded half away from zero to the type's scale; dates have
    a year of four digits. Raises TypeError for a type that files cannot be parsed to.
    """
    if dtype == pl.String():
        return text
    if dtype.is_integer():
        return _whole(text, dtype)
    if isinstance(dtype, pl.Decimal):
        return _decimal(text, dtype)
    if dtype.is_float():
        number = text.cast(dtype, strict=False)
        return number.set(~number.is_finite(), None)
    if dtype == pl.Boolean():
        lower = text.str.to_lowercase()
        return lower.replace_strict({**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}, default=None)
    if dtype == pl.Date():
        days = _first_format(text, formats or ("%Y-%m-%d",), dtype, _Dates(None, century_pivot))
        return days.alias(text.name)
    if isinstance(dtype, pl.Datetime):
        value = _timestamps(text, dtype, formats, _Dates(time_zone, century_pivot))
        return value.set(value.dt.year() < 1000, None) if time_zone else value
    raise TypeError(f"columns of type {dtype} cannot be read from text")


def parser(reading: Reading, name: str, dtype: pl.DataType) -> Callable[..., pl.Series]:
    """Return `parse` for a column, as the contract reads it: from trimmed text, numbers with a decimal point."""
    if not dtype.is_temporal():
        return partial(parse, dtype=dtype)
    return partial(
        parse,
        dtype=dtype,
        formats=tuple(reading.dates.get(name, ())),
        time_zone=reading.time_zones.get(name),
        century_pivot=reading.century_pivots.get(name),
    )


def constant(reading: Reading, name: str, dtype: pl.DataType, imputed: Constant) -> Any:
    """Return the Python value of an imputed constant, parsed as the file's text would be; None when it is no value."""
    text = pl.Series(name, [imputed.text.strip()])
    with_point = decimal_point(text) if reading.decimal_comma and dtype.is_numeric() else text
    return parser(reading, name, dtype)(with_point).item()


def decimal_point(text: pl.Series) -> pl.Series:
    """Return numbers with a decimal comma with a point instead: a text with a point is no number."""
    return text.set(text.str.contains(".", literal=True), "not a number").str.replace(",", ".", literal=True)


def outside_time_zone(reading: Reading, name: str, text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return which local times of a column its zone skips, and which it has twice, when clocks change (Boolean)."""
    dates = _Dates(reading.time_zones[name], reading.century_pivots.get(name))
    value = _timestamps(text, pl.Datetime("us"), reading.dates.get(name, ()), dates)
    return (value == _SKIPPED).fill_null(value=False), (value == _TWICE).fill_null(value=False)


def _timestamps(text: pl.Series, dtype: pl.DataType, formats: Sequence[str], dates: _Dates) -> pl.Series:
    return _first_format(text, formats or TIMESTAMPS, dtype, dates).alias(text.name)


def likely_timestamp_format(text: pl.Series) -> str:
    """Return the format of TIMESTAMPS that most of the first cells have: no cell has two values by them."""
    some = text.head(_SAMPLE)
    return max(TIMESTAMPS, key=lambda one: some.str.contains(shape(one, iso=True)).sum())


def _whole(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    number = text.cast(dtype, strict=False)
    if number.null_count() == text.null_count():
        return number
    missed = unmatched(text, number)
    whole = pl.when(pl.first().str.contains(WHOLE)).then(pl.first().str.replace(r"\.0*$", "").str.strip_prefix("+"))
    return number.scatter(missed, select_column(text[missed], whole.cast(dtype, strict=False)))


def _decimal(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    number = text.cast(dtype, strict=False)
    scale = dtype.scale
    # The cast rounds half to even, so texts with more decimals than the scale, or an exponent, are done again.
    finer = row_indices(select_column(text, pl.first().str.contains(rf"\.[0-9]{{{scale + 1},}}|[eE]")))
    return number.scatter(finer, _exact_decimals(text[finer], dtype)) if len(finer) else number


def _exact_decimals(cells: pl.Series, dtype: pl.Decimal) -> pl.Series:
    unit = Decimal(1).scaleb(-dtype.scale)
    limit = Decimal(10) ** (dtype.precision - dtype.scale)

    def value(cell: str) -> str | None:
        if not re.match(NUMBER, cell):
            return None
        try:
            rounded = Decimal(cell).quantize(unit, rounding=ROUND_HALF_UP)
        except InvalidOperation:
            return None
        return f"{rounded:f}" if abs(rounded) < limit else None

    texts = cells.to_list()
    exact = {cell: value(cell) for cell in set(texts)}
    # As text: given Python's decimals, Polars imports NumPy where it is.
    return pl.Series(cells.name, [exact[cell] for cell in texts], dtype=pl.String).cast(dtype)


def _first_format(text: pl.Series, formats: Sequence[str], dtype: pl.DataType, dates: _Dates) -> pl.Series:
    """Parse with each format in turn; later formats only see the cells that earlier ones did not parse."""
    cells, later = text, tuple(formats)
    value: pl.Series | None = None
    indices: pl.Series | None = None
    while later:
        # Many cells are parsed by one format after another; for few cells, one selection with all formats is cheaper.
        tried, later = (later, ()) if len(cells) <= _FEW_CELLS else (later[:1], later[1:])
        found = select_column(cells, _in_formats(tried, dtype, dates))
        value = found if value is None or indices is None else value.scatter(indices, found)
        if found.null_count() == cells.null_count():
            break
        left = unmatched(cells, found)
        cells, indices = cells[left], left if indices is None else indices[left]
    return pl.repeat(None, len(text), dtype=dtype, eager=True) if value is None else value


@cache
def _in_formats(formats: tuple[str, ...], dtype: pl.DataType, dates: _Dates) -> pl.Expr:
    return pl.coalesce([_in_format(pl.first(), one, dtype, dates) for one in formats])


def _in_format(cell: pl.Expr, strptime: str, dtype: pl.DataType, dates: _Dates) -> pl.Expr:
    """Parse texts of this format's shape. Polars' parser alone accepts more than the format says: blanks anywhere, a
    second 60."""
    if strptime in COUNTED:
        return _of_four_digits(_counted(cell, strptime, dtype, dates))
    iso = isinstance(dtype, pl.Datetime) and strptime in TIMESTAMPS
    shaped: pl.Expr = pl.when(cell.str.contains(shape(strptime, iso=iso))).then(cell)
    if "%y" in strptime:
        shaped, strptime = _of_century(shaped, strptime, dates.century_pivot), strptime.replace("%y", "%Y")
    offset = next((token for token in OFFSETS if token in strptime), None)
    strptime = strptime.replace(offset, "%#z") if offset else strptime
    if not isinstance(dtype, pl.Datetime):
        value = shaped.str.to_date(strptime, strict=False, cache=False)
    else:
        value = shaped.str.to_datetime(strptime, strict=False, time_unit=dtype.time_unit, cache=False)
        if offset:
            value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        elif dates.time_zone:
            value = _in_utc(value, dtype, dates.time_zone)
    return _of_four_digits(value) if offset else value


def _of_century(cell: pl.Expr, strptime: str, pivot: int | None) -> pl.Expr:
    """Write the two digits of a year as the four of the last such year up to the pivot; null without one."""
    if pivot is None:
        return pl.when(pl.lit(value=False)).then(cell)
    before, after = (shape(part)[1:-1] for part in strptime.split("%y"))
    head, year, tail = (cell.str.extract(f"^({before})([0-9]{{2}})({after})$", group) for group in (1, 2, 3))
    return pl.concat_str(head, (pivot - (pivot - year.cast(pl.Int64)) % 100).cast(pl.String), tail)


def _counted(cell: pl.Expr, kind: str, dtype: pl.DataType, dates: _Dates) -> pl.Expr:
    """Parse seconds or milliseconds since 1970, exact, or the days of an Excel sheet, to the nearest millisecond.

    Before March 1900 Excel counts a day that never was: such numbers are no dates.
    """
    if kind == "excel":
        fraction = r"(?:\.[0-9]+)?" if isinstance(dtype, pl.Datetime) else r"(?:\.0*)?"
        days = pl.when(cell.str.contains(rf"^[0-9]{{2,7}}{fraction}$")).then(cell).cast(pl.Float64, strict=False)
        since = pl.when(days.is_between(61, 2_958_466, closed="left")).then((days - _EXCEL_1970) * 86_400_000).round()
        value = since.cast(pl.Int64).cast(pl.Datetime("ms")).cast(dtype)
        return _in_utc(value, dtype, dates.time_zone) if dates.time_zone and isinstance(dtype, pl.Datetime) else value
    digits, scale = (12, 6) if kind == "epoch" else (15, 3)
    number = pl.when(cell.str.contains(rf"^-?[0-9]{{1,{digits}}}(?:\.[0-9]{{1,{scale}}})?$")).then(cell)
    return (
        number.cast(pl.Decimal(38, scale), strict=False)
        .to_physical()
        .cast(pl.Int64)
        .cast(pl.Datetime("us"))
        .cast(dtype)
    )


def _in_utc(local: pl.Expr, dtype: pl.DataType, time_zone: str) -> pl.Expr:
    """Return times of a zone in UTC; those that the zone skips or has twice as the sentinels _SKIPPED and _TWICE."""
    once = local.dt.replace_time_zone(time_zone, ambiguous="null", non_existent="null")
    earliest = local.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    utc = _of_four_digits(once.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    of_none = pl.when(earliest.is_null()).then(pl.lit(_SKIPPED)).otherwise(pl.lit(_TWICE))
    return pl.when(local.is_null() | once.is_not_null()).then(utc).otherwise(of_none.cast(dtype))


def _of_four_digits(value: pl.Expr) -> pl.Expr:
    return pl.when(value.dt.year().is_between(1000, 9999)).then(value)
