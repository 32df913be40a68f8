"""The types that a column can have: in the table, and where statistics of the whole file are taken."""

import polars as pl

_TYPES = (pl.String, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Decimal, pl.Date)
_WIDEST_COUNTED = 18
"""Digits of a decimal that 64 bits hold."""


def type_problem(dtype: pl.DataType) -> str | None:
    """Return why no column can have a type, and what to write instead; None for one that text can be parsed to and that
    Athena, Glue and both engines know.
    """
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            return f"no column can be a {dtype}: write pl.Datetime('us'), which is UTC"
        return None if dtype.time_unit != "ns" else "no column can count nanoseconds: write pl.Datetime('us')"
    if dtype.base_type() in _TYPES:
        return None
    if dtype.is_unsigned_integer():
        instead = "pl.Int64, or pl.Decimal(20, 0) for UInt64; a check ge=0 keeps negative values out"
    elif dtype == pl.Time():
        instead = "pl.String with a check of its form"
    elif dtype.base_type() in (pl.Categorical, pl.Enum):
        instead = "pl.String; a check isin=[...] keeps other texts out"
    else:
        instead = "String, Int8 to Int64, Float64, Decimal(precision, scale), Boolean, Date or Datetime('us')"
    return f"no column can be a {dtype}: write {instead}"


def has_statistics(dtype: pl.DataType) -> bool:
    """Whether means, quantiles and limits are exact: Int8 to Int64, Float64, Decimal of 18 digits at most."""
    if isinstance(dtype, pl.Decimal):
        return dtype.precision <= _WIDEST_COUNTED
    return dtype == pl.Float64() or (dtype.is_signed_integer() and dtype.base_type() in _TYPES)
