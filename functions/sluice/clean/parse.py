"""Text to typed values, exactly: text that is no value of the type becomes null."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

import polars as pl

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
NUMBER = r"^[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE = r"^[+-]?[0-9]+\.?0*$"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
_FEW_CELLS = 8_192


def parse(text: pl.Series, dtype: pl.DataType, formats: Sequence[str] = ()) -> pl.Series:
    """Return the column as `dtype`; text that is no such value is null.

    text: String, trimmed, numbers with a decimal point. formats: strptime formats of dates and timestamps.
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
        return _first_format(text, formats or ("%Y-%m-%d",), dtype).alias(text.name)
    if isinstance(dtype, pl.Datetime):
        value = _first_format(text, formats or TIMESTAMPS, dtype).alias(text.name)
        return _of_nanoseconds(value, text, formats) if dtype.time_unit == "ns" else value
    raise TypeError(f"columns of type {dtype} cannot be read from text")


def unparsed_reasons(column: str, dtype: pl.DataType, indices: pl.Series, text: pl.Series) -> dict[str, pl.Series]:
    """Return, by the name of the fact that fails, the row indices (UInt32) of cells whose text is no value of the type.

    indices, text: of these cells.
    """
    if indices.is_empty():
        return {}
    if isinstance(dtype, pl.Decimal):
        kind, grammar, size = "a_number", NUMBER, f"decimal_{dtype.precision}_{dtype.scale}"
    elif dtype.is_integer():
        kind, grammar, size = "a_whole_number", WHOLE, str(dtype).lower()
    else:
        kinds = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false"}
        return {f"{column}_is_{kinds.get(dtype.base_type(), 'a_number')}": indices}
    large = select_column(text, pl.first().str.contains(grammar))
    found = {f"{column}_is_{kind}": indices.filter(~large), f"{column}_fits_{size}": indices.filter(large)}
    return {reason: cells for reason, cells in found.items() if len(cells)}


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
    # It also takes a point without digits, which is no number here.
    finer = row_indices(select_column(text, pl.first().str.contains(rf"\.[0-9]{{{scale + 1},}}|[eE]|\.$")))
    return number.scatter(finer, _exact_decimals(text[finer], dtype)) if len(finer) else number


def _exact_decimals(cells: pl.Series, dtype: pl.Decimal) -> pl.Series:
    unit = Decimal(1).scaleb(-dtype.scale)
    limit = Decimal(10) ** ((dtype.precision or 38) - dtype.scale)

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


def _of_nanoseconds(value: pl.Series, text: pl.Series, formats: Sequence[str]) -> pl.Series:
    """Set to null what 64 bits of nanoseconds cannot hold: Polars would make 2084 of the year 1500."""
    year = parse(text, pl.Datetime("us"), formats).dt.year()
    return value.set(~year.is_between(1678, 2261), None)


def _first_format(text: pl.Series, formats: Sequence[str], dtype: pl.DataType) -> pl.Series:
    """Parse with each format in turn; later formats only see the cells that earlier ones did not parse."""
    cells, later = text, tuple(formats)
    value: pl.Series | None = None
    indices: pl.Series | None = None
    while later:
        # Many cells are parsed by one format after another; for few cells, one selection with all formats is cheaper.
        tried, later = (later, ()) if len(cells) <= _FEW_CELLS else (later[:1], later[1:])
        found = select_column(cells, _in_formats(tried, dtype))
        value = found if value is None or indices is None else value.scatter(indices, found)
        if found.null_count() == cells.null_count():
            break
        left = unmatched(cells, found)
        cells, indices = cells[left], left if indices is None else indices[left]
    return pl.repeat(None, len(text), dtype=dtype, eager=True) if value is None else value


@cache
def _in_formats(formats: tuple[str, ...], dtype: pl.DataType) -> pl.Expr:
    return pl.coalesce([_in_format(pl.first(), one, dtype) for one in formats])


def _in_format(cell: pl.Expr, strptime: str, dtype: pl.DataType) -> pl.Expr:
    """Parse texts of this format's shape. Polars' parser alone accepts more than the format says: blanks anywhere, a
    second 60."""
    shaped = pl.when(cell.str.contains(_shape(strptime, dtype))).then(cell)
    if not isinstance(dtype, pl.Datetime):
        value = shaped.str.to_date(strptime, strict=False, cache=False)
    else:
        value = shaped.str.to_datetime(strptime, strict=False, time_unit=dtype.time_unit, cache=False)
        if strptime.endswith("z"):
            value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if "%Y" in strptime and not strptime.endswith("z"):
        return value
    return _of_four_digits(value)


def _of_four_digits(value: pl.Expr) -> pl.Expr:
    return pl.when(value.dt.year().is_between(1000, 9999)).then(value)


def _shape(strptime: str, dtype: pl.DataType) -> str:
    """Return a format as a regular expression; years are from 1000 to 9999. Parts may lack a leading zero, except
    where only their number of digits separates them (2025035 is no date) and in ISO 8601."""
    iso = isinstance(dtype, pl.Datetime) and strptime in TIMESTAMPS
    digits = "[0-9]{2}" if iso or re.search(r"%[Ymd]%[Ymd]", strptime) else "[0-9]{1,2}"
    patterns = {
        "%Y": "[0-9]{4}" if strptime.endswith("z") else "[1-9][0-9]{3}",
        "%m": digits,
        "%d": digits,
        "%H": digits,
        "%M": digits,
        "%S": f"(?:[0-5][0-9]{'' if digits.endswith('{2}') else '|[0-9]'})",
        "%.f": r"(?:\.[0-9]+)?",
        "%#z": "(?:Z|[+-][0-9]{2}:[0-9]{2})",
        " ": " " if iso else " +",
    }
    tokens = re.findall(r"%[.#]?[A-Za-z]| |[^% ]+", strptime)
    return "^" + "".join(patterns.get(token, ".+" if token[0] == "%" else re.escape(token)) for token in tokens) + "$"
