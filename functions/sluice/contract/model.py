"""The contract of a dataset: the pandera model of its published row, and a declaration of everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.backends.polars.register import register_polars_backends

from sluice.contract.declarations import (
    Constant,
    Discard,
    Outliers,
    Partition,
    Reading,
    Statistic,
    TableKind,
    Treatment,
    Unique,
)
from sluice.contract.key_pattern import KeyPattern
from sluice.contract.problems import mistakes
from sluice.contract.steps import Step
from sluice.errors import ContractInvalid

# Before any dataset defines its model: the checks of a Field are copied with the backends that are registered by then.
register_polars_backends()

LINEAGE: dict[str, pl.DataType] = {
    "_source_key": pl.String(),
    "_run_id": pl.String(),
    "_row_number": pl.Int64(),
}
"""The columns of every published and quarantined row that name its file, run and record."""

EXTRA = "_extra"
"""The published column (JSON text) that holds unknown columns when the contract says `keep`."""


@dataclass(frozen=True)
class Contract:
    """The contract of one dataset, validated when it is made.

    row: the published row; each of its checks names the reason for which a row is quarantined.
    files: naming conventions of the uploaded objects' keys.
    same_as_key: columns that must equal the part of the same name in the file's key.
    quarantine_limit: the share of quarantined rows (0 to 1) above which the whole file is rejected.
    expected_every: the time without a published file after which the dataset is stale, and people are notified.
    personal: columns about people; masked wherever rows are shown, and published hashed, not at all, or kept.
    table: `parquet`, partitioned files that a crawler watches; or `iceberg`, which readers see change at once.

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
    table: TableKind = "parquet"

    def __post_init__(self) -> None:
        for mistake in mistakes(self):
            raise ContractInvalid(f"dataset {self.name!r}: {mistake}")

    @cached_property
    def patterns(self) -> tuple[KeyPattern, ...]:
        return tuple(KeyPattern(pattern) for pattern in self.files)

    @cached_property
    def reads_objects(self) -> bool:
        """Whether its files are JSON Lines, as their names say; others are CSV."""
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
    def partition_sources(self) -> tuple[str, ...]:
        """The columns of the file whose values, as they are, stand in the paths of the table."""
        sources = [part.of or part.name for part in self.partition_by if part.format is None]
        return tuple(name for name in sources if name in self.parsed)

    @cached_property
    def parsed(self) -> dict[str, pl.DataType]:
        """The columns of the model that are read from the file, with their types."""
        return {name: dtype for name, dtype in self.types.items() if name not in self.derived}

    @cached_property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that a file must have, but for those that are optional."""
        return (*self.parsed, *self.reading.input_only)

    @cached_property
    def extra(self) -> dict[str, pl.DataType]:
        """`_extra` with its type, where unknown columns are kept."""
        return {EXTRA: pl.String()} if self.reading.unknown_columns == "keep" else {}

    @cached_property
    def hashed(self) -> tuple[str, ...]:
        """The personal columns that are published as hashes, which need a key."""
        return tuple(name for name, treatment in self.personal.items() if treatment == "hash")

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
