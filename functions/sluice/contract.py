"""The contract of a dataset: the pandera model of its published row, and a declaration of everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

import pandera.polars as pa
import polars as pl

from sluice.errors import ContractInvalid
from sluice.mistakes import mistakes
from sluice.naming import KeyPattern
from sluice.partitions import formatted
from sluice.steps import Step
from sluice.text_format import TextFormat

LINEAGE: dict[str, pl.DataType] = {
    "_source_key": pl.String(),
    "_run_id": pl.String(),
    "_row_number": pl.Int64(),
}
"""Columns that every published and quarantined row carries: from which file, by which run, which record."""

EXTRA = "_extra"
"""The published column (JSON text) that holds unknown columns when the contract says `keep`."""

Unknown = Literal["reject", "ignore", "keep"]
Statistic = Literal["median", "mean", "mode"]
Treatment = Literal["hash", "drop", "keep"]


@dataclass(frozen=True)
class Reading:
    """How the text of a file is understood.

    null_markers: texts that mean "no value", compared trimmed and in any case.
    dates: for a date or timestamp column, the strptime forms it may have, tried in order.
    aliases: other header names of a column, such as {"sku": "product_id"}.
    unpublished: columns that the file has, for rules to use, and the table has not.
    optional: columns that a file may lack; then none of its rows has a value in them.
    unknown_columns: what a column that nobody declared means: the file is rejected, the column ignored,
        or its text kept in the published column `_extra`.
    decimal_comma: numbers are written 1.234,56 instead of 1,234.56 (group marks are never guessed).
    """

    format: TextFormat = field(default_factory=TextFormat)
    null_markers: tuple[str, ...] = ("",)
    dates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    unpublished: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unknown_columns: Unknown = "reject"
    decimal_comma: bool = False


@dataclass(frozen=True)
class Discard:
    """Rows that are left out on purpose, under a name: `when` looks at the trimmed text columns."""

    name: str
    when: pl.Expr = field(compare=False)


@dataclass(frozen=True)
class Unique:
    """The key that makes a row unique. Of several rows with one key the largest `newest` wins.

    A missing `newest` counts as oldest; among equals the highest row number wins. The others are
    discarded as `duplicate`.

    across_files: the key decides over all files, too: beside the table there is a view, NAME_newest, of the newest row
        of each key. The table keeps the rows of every file.
    """

    key: tuple[str, ...]
    newest: str | None = None
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

    @property
    def expression(self) -> pl.Expr:
        source = pl.col(self.of or self.name)
        return (formatted(source, self.format) if self.format else source).alias(self.name)


@dataclass(frozen=True)
class Contract:
    """All that Sluice knows of one dataset. Checked when it is made.

    row: the published row; each of its checks names the reason for which a row is quarantined.
    files: naming conventions of the uploaded objects' keys.
    same_as_key: columns that must equal the part of the same name in the file's key.
    quarantine_limit: the share of quarantined rows (0 to 1) above which the whole file is rejected.
    expected_every: the time without a published file after which people are told that the dataset is silent.
    personal: columns about people; masked wherever rows are shown, and published hashed, not at all, or kept.

    Raises ContractInvalid, naming the dataset and the mistake.
    """

    name: str
    version: int
    row: type[pa.DataFrameModel]
    files: tuple[str, ...]
    reading: Reading = field(default_factory=Reading)
    cleaning: tuple[Step, ...] = ()
    discard: tuple[Discard, ...] = ()
    unique: Unique | None = None
    impute: Mapping[str, Statistic | Constant] = field(default_factory=dict)
    outliers: tuple[Outliers, ...] = ()
    partition_by: tuple[Partition, ...] = ()
    same_as_key: tuple[str, ...] = ()
    quarantine_limit: float = 0.2
    expected_every: timedelta | None = None
    personal: Mapping[str, Treatment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for mistake in mistakes(self):
            raise ContractInvalid(f"dataset {self.name!r}: {mistake}")

    @cached_property
    def patterns(self) -> tuple[KeyPattern, ...]:
        return tuple(KeyPattern(pattern) for pattern in self.files)

    @cached_property
    def reads_objects(self) -> bool:
        """Whether its files are JSON Lines, which the naming conventions tell; others are CSV."""
        return all(pattern.endswith(".jsonl") for pattern in self.files)

    @cached_property
    def types(self) -> dict[str, pl.DataType]:
        """Every column of the model, in its order, with its Polars type."""
        return {name: _instance(column.dtype.type) for name, column in self.row.to_schema().columns.items()}

    @cached_property
    def derived(self) -> frozenset[str]:
        """Columns of the model that no file has: outlier flags and formatted partitions."""
        flags = {rule.flag for rule in self.outliers if rule.flag}
        return frozenset(flags | {part.name for part in self.partition_by if part.of})

    @cached_property
    def parsed(self) -> dict[str, pl.DataType]:
        """The columns of the model that are read from the file, with their types."""
        return {name: dtype for name, dtype in self.types.items() if name not in self.derived}

    @cached_property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that a file must have, but for those that are optional."""
        return (*self.parsed, *self.reading.unpublished)

    @cached_property
    def extra(self) -> dict[str, pl.DataType]:
        """`_extra` with its type, where unknown columns are kept."""
        return {EXTRA: pl.String()} if self.reading.unknown_columns == "keep" else {}

    @cached_property
    def row_schema(self) -> pa.DataFrameSchema:
        """The model's checks over the parsed columns, as a batch can run them."""
        schema = self.row.to_schema()
        return schema.remove_columns([name for name in schema.columns if name in self.derived])

    @cached_property
    def published(self) -> dict[str, pl.DataType]:
        """The columns of the table with their types: the model's, `_extra` when kept, and the lineage."""
        table = {name: dtype for name, dtype in self.types.items() if self.personal.get(name) != "drop"}
        return {**table, **self.extra, **LINEAGE}

    @cached_property
    def quarantined(self) -> dict[str, pl.DataType]:
        """The columns of the quarantine table: the file's text, why, and the lineage."""
        text: dict[str, pl.DataType] = {name: pl.String() for name in self.file_columns}
        return {**text, "_raw": pl.String(), "_reasons": pl.List(pl.String()), **LINEAGE}


def _instance(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype
