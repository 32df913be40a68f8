"""Text to typed values, exactly: what does not parse becomes null, and the caller learns which cells these were."""

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
"""ISO 8601 as people write it, every part with all its digits: a timestamp that was cut off is not believed.
An offset converts to UTC; without one the time is taken as it is. The commonest come first; a form without a
fraction takes Polars an eighth of the time."""
NUMBER = r"^[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE = r"^[+-]?[0-9]+\.?0*$"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
_FEW_CELLS = 8_192


def parse(text: pl.Series, dtype: pl.DataType, forms: Sequence[str] = ()) -> pl.Series:
    """Return the column as `dtype`; text that is no such value is null.

    text: String, trimmed, numbers with a decimal point. forms: strptime forms of dates and timestamps.
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
        return _first_form(text, forms or ("%Y-%m-%d",), dtype).alias(text.name)
    if isinstance(dtype, pl.Datetime):
        value = (_first_form(text, forms or TIMESTAMPS, dtype)).alias(text.name)
        return _of_nanoseconds(value, text, forms) if dtype.time_unit == "ns" else value
    raise TypeError(f"columns of type {dtype} cannot be read from text")


def unparsed_reasons(column: str, dtype: pl.DataType, places: pl.Series, text: pl.Series) -> dict[str, pl.Series]:
    """Return, by the name of the fact that fails, the places (UInt32) of cells whose text is no value of the type.

    places, text: of these cells.
    """
    if places.is_empty():
        return {}
    if isinstance(dtype, pl.Decimal):
        kind, grammar, size = "a_number", NUMBER, f"decimal_{dtype.precision}_{dtype.scale}"
    elif dtype.is_integer():
        kind, grammar, size = "a_whole_number", WHOLE, str(dtype).lower()
    else:
        kinds = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false"}
        return {f"{column}_is_{kinds.get(dtype.base_type(), 'a_number')}": places}
    large = select_column(text, pl.first().str.contains(grammar))
    found = {f"{column}_is_{kind}": places.filter(~large), f"{column}_fits_{size}": places.filter(large)}
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


def _of_nanoseconds(value: pl.Series, text: pl.Series, forms: Sequence[str]) -> pl.Series:
    """Leave out what 64 bits of nanoseconds cannot say: Polars would make 2084 of the year 1500."""
    year = parse(text, pl.Datetime("us"), forms).dt.year()
    return value.set(~year.is_between(1678, 2261), None)


def _first_form(text: pl.Series, forms: Sequence[str], dtype: pl.DataType) -> pl.Series:
    """Parse with each form in turn; later forms only see what the earlier ones left."""
    cells, later = text, tuple(forms)
    value: pl.Series | None = None
    places: pl.Series | None = None
    while later:
        # A look at many cells costs by the cell, at few by the look: then one look takes all forms.
        tried, later = (later, ()) if len(cells) <= _FEW_CELLS else (later[:1], later[1:])
        found = select_column(cells, _in_forms(tried, dtype))
        value = found if value is None or places is None else value.scatter(places, found)
        if found.null_count() == cells.null_count():
            break
        left = unmatched(cells, found)
        cells, places = cells[left], left if places is None else places[left]
    return pl.repeat(None, len(text), dtype=dtype, eager=True) if value is None else value


@cache
def _in_forms(forms: tuple[str, ...], dtype: pl.DataType) -> pl.Expr:
    return pl.coalesce([_in_form(pl.first(), form, dtype) for form in forms])


def _in_form(cell: pl.Expr, form: str, dtype: pl.DataType) -> pl.Expr:
    """Parse texts of this form's shape. The parser alone lets more pass than a form says: blanks anywhere, a
    second 60 rolled over."""
    shaped = pl.when(cell.str.contains(_shape(form, dtype))).then(cell)
    if not isinstance(dtype, pl.Datetime):
        value = shaped.str.to_date(form, strict=False, cache=False)
    else:
        value = shaped.str.to_datetime(form, strict=False, time_unit=dtype.time_unit, cache=False)
        if form.endswith("z"):
            value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if "%Y" in form and not form.endswith("z"):
        return value
    return _of_four_digits(value)


def _of_four_digits(value: pl.Expr) -> pl.Expr:
    return pl.when(value.dt.year().is_between(1000, 9999)).then(value)


def _shape(form: str, dtype: pl.DataType) -> str:
    """Return a form as a regular expression; years are from 1000 to 9999. Parts may lack a leading zero, except
    where only their number of digits tells them apart (2025035 is no date) and in ISO 8601."""
    iso = isinstance(dtype, pl.Datetime) and form in TIMESTAMPS
    digits = "[0-9]{2}" if iso or re.search(r"%[Ymd]%[Ymd]", form) else "[0-9]{1,2}"
    parts = {
        "%Y": "[0-9]{4}" if form.endswith("z") else "[1-9][0-9]{3}",
        "%m": digits,
        "%d": digits,
        "%H": digits,
        "%M": digits,
        "%S": f"(?:[0-5][0-9]{'' if digits.endswith('{2}') else '|[0-9]'})",
        "%.f": r"(?:\.[0-9]+)?",
        "%#z": "(?:Z|[+-][0-9]{2}:[0-9]{2})",
        " ": " " if iso else " +",
    }
    pieces = re.findall(r"%[.#]?[A-Za-z]| |[^% ]+", form)
    return "^" + "".join(parts.get(piece, ".+" if piece[0] == "%" else re.escape(piece)) for piece in pieces) + "$"
