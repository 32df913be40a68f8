"""Partition values: each typed value has one text, the same in path, manifest, catalog and query, from every engine."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl

from sluice.contract.date_formats import tokens
from sluice.contract.declarations import Partition

if TYPE_CHECKING:
    from sluice.contract.model import Contract

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, and each reader of its paths, takes for null."""
SEGMENT_BYTES = 255
"""The longest `name=value` of a path: file systems take no longer name."""

Value = str | bool | int | Decimal | date

_SAFE = " !$&()+,-.;<>@_`|~"
"""What Hive and Spark leave unescaped in partition values, besides letters and digits."""
_DAYS = {"%Y", "%m", "%d", "%b", "%B", "%j", "%G", "%V"}
_HOURS = {"%H", "%M"}


def partition_value(value: Value) -> str:
    """Return a value as text, as Trino casts it to varchar: true, 3, 1.50, 2025-03-01.

    https://trino.io/docs/current/functions/conversion.html
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def partition_values(names: list[str], values: tuple[Value, ...]) -> dict[str, str]:
    """Return the values of a partition as text, by column."""
    return {name: partition_value(value) for name, value in zip(names, values, strict=True)}


def partition_path(values: Mapping[str, Value]) -> str:
    """Return `name=value/…` for the partition columns, in their order; values percent-encoded as Hive does."""
    return "/".join(_segment(name, value) for name, value in values.items())


def _segment(name: str, value: Value) -> str:
    return f"{name}={quote(partition_value(value), safe=_SAFE)}"


def unfit(name: str, texts: pl.Series) -> pl.Series:
    """Return which texts of a partition column no path can hold (Boolean): the empty one, Hive's text for null, and
    those that are too long when they are encoded.
    """
    may_be = (texts.str.len_bytes() > (SEGMENT_BYTES - len(name) - 1) // len("%00")) | texts.is_in(["", NO_VALUE])
    if not may_be.any():
        return may_be.fill_null(value=False)
    wrong = [
        text
        for text in texts.filter(may_be).unique().to_list()
        if text in ("", NO_VALUE) or len(_segment(name, text)) > SEGMENT_BYTES
    ]
    return texts.is_in(wrong).fill_null(value=False)


def derived(contract: "Contract") -> list[pl.Expr]:
    """Return the partition columns that are derived from others, in their types."""
    return [derived_column(part, contract.types[part.name]) for part in contract.partition_by if part.of]


def derived_column(part: Partition, dtype: pl.DataType) -> pl.Expr:
    """Return a derived partition column: of March, %m is 03 as text and 3 as a number."""
    source = pl.col(part.of or part.name)
    return (source.dt.strftime(part.format) if part.format else source).cast(dtype).alias(part.name)


def partition_problems(contract: "Contract") -> Iterator[str]:
    """Yield why the table cannot be partitioned as a contract says, and what to write instead."""
    names = [part.name for part in contract.partition_by]
    if len(set(names)) < len(names):
        yield "partition_by names a column twice"
    for part in contract.partition_by:
        yield from (f"partition_by: {problem}" for problem in _problems(contract, part))


def _problems(contract: "Contract", part: Partition) -> Iterator[str]:
    dtype, name = contract.types[part.name], part.name
    if isinstance(dtype, pl.Datetime):
        yield f"{name} is a timestamp, which has no single text: derive its day, such as {_DAY.format(name)}"
    elif dtype.is_float():
        yield f"{name} is a {dtype}, which has no single text: make it a Decimal, or partition by another column"
    source_name = part.of or name
    for column in dict.fromkeys((name, source_name)):
        if column in contract.personal:
            yield f"{column} is personal: its values would stand in the paths of the table"
    if contract.row.to_schema().columns[source_name].nullable:
        yield f"{source_name} must not be nullable, or its rows would have no partition"
    flags = {rule.flag for rule in contract.outliers}
    if part.of is None:
        if part.format:
            yield f"{name} has a format and no `of`: name the column that is formatted, as in {_DAY.format('sold_at')}"
        if name not in contract.parsed and name not in flags:
            yield f"{name} is no column of the file: name the column that it is derived from with `of`"
        return
    source = contract.parsed.get(part.of)
    if source is None or part.of == name:
        yield f"{name} is derived from {part.of!r}, which is no other column of the file"
    elif part.format is None:
        if source != dtype:
            yield f"{name} is a {dtype} and {part.of} a {source}: give both one type, or say a format"
    elif not isinstance(source, pl.Date | pl.Datetime):
        yield f"{name}: only a Date or Datetime can be formatted, and {part.of} is a {source}"
    else:
        yield from _format_problems(part, source, dtype)


_DAY = "Partition('day', of='{}', format='%Y-%m-%d')"


def _format_problems(part: Partition, source: pl.DataType, dtype: pl.DataType) -> Iterator[str]:
    format_ = part.format or ""
    directives = {token for token in tokens(format_) if token.startswith("%")}
    known = _DAYS | _HOURS if isinstance(source, pl.Datetime) else _DAYS
    if not directives or directives - known:
        yield f"{part.name}: the format {format_!r} is made of {' '.join(sorted(known))}, such as '%Y-%m'"
    elif dtype != pl.String() and not dtype.is_integer():
        yield f"{part.name}: a format gives a String or a whole number, not a {dtype}"
    else:
        last = pl.Series(part.of, [datetime(9999, 12, 31, 23, 59)]).cast(source).to_frame()
        try:
            last.select(derived_column(part, dtype))
        except pl.exceptions.PolarsError:
            yield f"{part.name}: the format {format_!r} gives no {dtype}; make the column a String"
