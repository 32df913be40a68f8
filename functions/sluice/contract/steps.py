"""Cleaning steps on text columns, in the order in which a contract lists them. Every column is trimmed first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl


class Step(Protocol):
    """A step knows its columns and turns one column's expression (String) into another (String)."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def apply(self, column: pl.Expr) -> pl.Expr: ...


@dataclass(frozen=True, init=False)
class _OfColumns:
    """A step that does the same in each of its columns."""

    columns: tuple[str, ...]

    def __init__(self, *columns: str) -> None:
        object.__setattr__(self, "columns", columns)


class Lowercase(_OfColumns):
    """Write these columns in lower case."""

    def apply(self, column: pl.Expr) -> pl.Expr:
        return column.str.to_lowercase()


class Uppercase(_OfColumns):
    """Write these columns in upper case."""

    def apply(self, column: pl.Expr) -> pl.Expr:
        return column.str.to_uppercase()


@dataclass(frozen=True)
class MapValues:
    """Replace whole values of one column, such as {"web": "online"}; other values stay."""

    column: str
    values: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def apply(self, column: pl.Expr) -> pl.Expr:
        return column.replace(dict(self.values))


@dataclass(frozen=True)
class Fill:
    """Write this text where one column has no value, before anything is checked."""

    column: str
    text: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def apply(self, column: pl.Expr) -> pl.Expr:
        return column.fill_null(pl.lit(self.text))


CELL_BY_CELL = (Lowercase, Uppercase, MapValues, Fill)
"""Steps that look at nothing but the cell. A step of a contract's own may look at other columns, too."""
