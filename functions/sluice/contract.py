"""The contract of a dataset: the pandera model of its published row, and a declaration of everything else."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

import pandera.polars as pa
import polars as pl

from sluice.errors import ContractInvalid
from sluice.naming import KeyPattern
from sluice.partitions import formatted
from sluice.steps import Fill, Step
from sluice.text_format import TextFormat

LINEAGE: dict[str, pl.DataType] = {
    "_source_key": pl.String(),
    "_run_id": pl.String(),
    "_row_number": pl.Int64(),
}
"""Columns that every published and quarantined row carries: from which file, by which run, which record."""

EXTRA = "_extra"
"""The published column (JSON text) that holds unknown columns when the contract says `keep`."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Dataset and column names become table names, object keys and SQL identifiers: nothing needs escaping."""

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
        for mistake in _mistakes(self):
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
    def row_schema(self) -> pa.DataFrameSchema:
        """The model's checks over the parsed columns, as a batch can run them."""
        schema = self.row.to_schema()
        return schema.remove_columns([name for name in schema.columns if name in self.derived])

    @cached_property
    def published(self) -> dict[str, pl.DataType]:
        """The columns of the table with their types: the model's, `_extra` when kept, and the lineage."""
        table = {name: dtype for name, dtype in self.types.items() if self.personal.get(name) != "drop"}
        extra: dict[str, pl.DataType] = {EXTRA: pl.String()} if self.reading.unknown_columns == "keep" else {}
        return {**table, **extra, **LINEAGE}

    @cached_property
    def quarantined(self) -> dict[str, pl.DataType]:
        """The columns of the quarantine table: the file's text, why, and the lineage."""
        text: dict[str, pl.DataType] = {name: pl.String() for name in self.file_columns}
        return {**text, "_raw": pl.String(), "_reasons": pl.List(pl.String()), **LINEAGE}


def _instance(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


def _mistakes(contract: Contract) -> Iterator[str]:
    """Yield what is wrong with a contract, the most basic first."""
    if not NAME.fullmatch(contract.name):
        yield f"a dataset's name must match {NAME.pattern}"
    if contract.name.endswith(("_quarantine", "_newest")):
        yield "a name ending in _quarantine or _newest is kept for what stands beside a table"
    columns = contract.types
    for column in (*columns, *contract.reading.unpublished):
        if not NAME.fullmatch(column):
            yield f"the column {column!r} must match {NAME.pattern}"
    if not 0 <= contract.quarantine_limit <= 1:
        yield "quarantine_limit is a share from 0 to 1"
    if contract.expected_every is not None and contract.expected_every <= timedelta(0):
        yield "expected_every is a time above zero"
    if not contract.files:
        yield "no file pattern: no upload could ever reach it"
    for pattern in contract.files:
        KeyPattern(pattern)
    if len({pattern.endswith(".jsonl") for pattern in contract.files}) > 1:
        yield "its file patterns must all end in .jsonl, or none: the format is told by the name"
    yield from _unknown_columns(contract)
    yield from _unique_mistakes(contract)
    yield from _optional_mistakes(contract)
    yield from _discard_mistakes(contract)
    for rule in contract.outliers:
        if (rule.iqr is None) == (rule.z_score is None):
            yield f"outliers of {rule.column}: say either iqr or z_score"
        if rule.column in columns and not columns[rule.column].is_numeric():
            yield f"outliers of {rule.column}: it is not a number"
        if rule.flag and columns.get(rule.flag) != pl.Boolean():
            yield f"outliers of {rule.column}: {rule.flag!r} is not a Boolean column of the model"
    for column, how in contract.impute.items():
        if how in ("median", "mean") and column in columns and not columns[column].is_numeric():
            yield f"impute {column}: only numbers have a {how}"
    for column, treatment in contract.personal.items():
        if treatment == "hash" and columns.get(column) != pl.String():
            yield f"personal {column}: only text columns can be published hashed"


def _unknown_columns(contract: Contract) -> Iterator[str]:
    reading = contract.reading
    known = {*contract.types, *reading.unpublished}
    uses = {
        "dates": reading.dates,
        "aliases": reading.aliases.values(),
        "optional": reading.optional,
        "cleaning": [column for step in contract.cleaning for column in step.columns],
        "unique": (*contract.unique.key, contract.unique.newest or contract.unique.key[0]) if contract.unique else (),
        "impute": contract.impute,
        "outliers": [rule.column for rule in contract.outliers],
        "partition_by": [name for part in contract.partition_by for name in (part.name, part.of or part.name)],
        "same_as_key": contract.same_as_key,
        "personal": contract.personal,
    }
    for place, names in uses.items():
        for name in names:
            if name not in known:
                yield f"{place} names {name!r}, which is no column of it"
    for name in contract.same_as_key:
        if not all(f"{{{name}" in pattern for pattern in contract.files):
            yield f"same_as_key names {name!r}, which not every file pattern captures"


def _optional_mistakes(contract: Contract) -> Iterator[str]:
    schema = contract.row.to_schema()
    filled = {step.column for step in contract.cleaning if isinstance(step, Fill)}
    for name in contract.reading.optional:
        if name in contract.derived:
            yield f"optional names {name!r}, which no file has"
        elif name in schema.columns and not schema.columns[name].nullable and name not in filled:
            yield f"optional: {name} must be nullable, or filled by a cleaning step"


def _discard_mistakes(contract: Contract) -> Iterator[str]:
    kept = (EXTRA,) if contract.reading.unknown_columns == "keep" else ()
    schema: dict[str, pl.DataType] = dict.fromkeys((*contract.file_columns, *kept), pl.String())
    no_rows = pl.DataFrame(schema={**schema, "_row_number": pl.Int64()})
    for rule in contract.discard:
        try:
            told = no_rows.select(rule.when).dtypes
        except Exception as error:
            yield f"discard {rule.name!r} cannot run on text: {str(error).partition('\n')[0]}"
        else:
            if told != [pl.Boolean()]:
                yield f"discard {rule.name!r} must say true or false of a row, not {', '.join(map(str, told))}"


def _unique_mistakes(contract: Contract) -> Iterator[str]:
    schema = contract.row.to_schema()
    for name, column in schema.columns.items():
        if column.unique:
            yield f"{name}: uniqueness is declared in the contract (unique=Unique(...)), not in the model"
    if contract.unique:
        for name in contract.unique.key:
            if schema.columns[name].nullable:
                yield f"unique: the key column {name} must not be nullable"
        for name in (*contract.unique.key, contract.unique.newest):
            if contract.unique.across_files and name and contract.personal.get(name) == "drop":
                yield f"unique: across_files needs {name}, which is not in the table"
    for part in contract.partition_by:
        if (source := schema.columns[part.of or part.name]).nullable:
            yield f"partition_by: {source.name} must not be nullable, or its rows would have no partition"
