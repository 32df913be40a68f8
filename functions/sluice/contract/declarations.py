"""The declarations of a contract besides its model: reading, discards, the unique key, outliers, partitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

MASK = "***"
"""The text that replaces a personal cell wherever rows are shown."""

Unknown = Literal["reject", "ignore", "keep"]
Statistic = Literal["median", "mean", "mode"]
Treatment = Literal["hash", "drop", "keep"]
TableKind = Literal["parquet", "iceberg"]


@dataclass(frozen=True)
class TextFormat:
    """How the characters of a CSV file are written.

    delimiter, quote: one ASCII character each; encoding: UTF-8 or a single-byte Python codec.
    escape: an ASCII character that stands before a quote, or itself, inside of quotes; quotes may be doubled, too.
    trailing_delimiter: every row ends with a delimiter; the header may.
    quoted_empty_is_text: "" is an empty text, where nothing between delimiters is no value.
    skip_lines: how many lines stand above the header (in the first 64 KiB), such as Excel's `sep=;`.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    escape: str | None = None
    trailing_delimiter: bool = False
    quoted_empty_is_text: bool = False
    skip_lines: int = 0


@dataclass(frozen=True)
class Reading:
    """How the text of a file is understood.

    null_markers: texts that mean "no value", compared trimmed and in any case; by column, those not named have "".
    dates: for a date or timestamp column, the formats it may have, tried in order: strptime directives, or `epoch`,
        `epoch_ms` or `excel`.
    time_zones: for a timestamp column, the zone of its local times, such as Europe/Berlin. Times that the zone skips or
        has twice when clocks change are quarantined.
    century_pivots: for a column with years of two digits, the last year that they can mean: with 2025, 58 is 1958.
    aliases: other header names of a column, such as {"sku": "product_id"}.
    input_only: columns of the file that rules use and the table does not have.
    optional: columns that may be absent from a file; its rows then have no value in them.
    unknown_columns: what a column that is not declared does: the file is rejected, the column ignored,
        or its text kept in the published column `_extra`.
    decimal_comma: numbers are written 1.234,56 instead of 1,234.56 (thousands separators are never guessed).
    """

    format: TextFormat = field(default_factory=TextFormat)
    null_markers: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ("",)
    dates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    time_zones: Mapping[str, str] = field(default_factory=dict)
    century_pivots: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    input_only: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unknown_columns: Unknown = "reject"
    decimal_comma: bool = False

    def null_markers_of(self, column: str) -> tuple[str, ...]:
        return self.null_markers if isinstance(self.null_markers, tuple) else self.null_markers.get(column, ("",))


RAW = pl.col("_raw")
"""The text of a record that cannot be split into the file's columns, without its line end: for Discard."""


@dataclass(frozen=True)
class Discard:
    """A named rule for rows that are left out on purpose. when: true for such a row, an expression of the trimmed text
    columns; or true for such a record that cannot be split, an expression of RAW.
    """

    name: str
    when: pl.Expr = field(compare=False)


@dataclass(frozen=True)
class Unique:
    """The key that makes a row unique. Of several rows with one key, the one with the largest `latest` is published.

    A missing `latest` counts as oldest; among equals the one with the highest row number is published. The others are
    discarded as `duplicate`.

    across_files: the key holds across files, too: the view NAME_latest has the latest row of each key. The table keeps
        the rows of every file.
    """

    key: tuple[str, ...]
    latest: str | None = None
    across_files: bool = False


@dataclass(frozen=True)
class Constant:
    """An imputed value that does not depend on the file, as the file would write it."""

    text: str


@dataclass(frozen=True)
class Outliers:
    """Values far from the file's others: outside the quartiles by `iqr` times their distance (Tukey, 1977),
    or more than `z_score` population standard deviations from the mean.

    Statistics are taken over the present values of the rows kept after deduplication. `flag` names a Boolean
    column of the model; `clip` moves such values to the nearest limit.
    """

    column: str
    iqr: float | None = None
    z_score: float | None = None
    flag: str | None = None
    clip: bool = False


@dataclass(frozen=True)
class Partition:
    """A partition column: a column of the row itself, or a date formatted, such as `2025-03` of a sale date."""

    name: str
    of: str | None = None
    format: str | None = None
