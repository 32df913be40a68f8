"""The account of one cleaned file: where every row went, and which objects hold them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sluice.errors import RowsLost


@dataclass(frozen=True)
class PartitionCount:
    """values: partition column → text; path: Hive path below `published/`; rows."""

    values: dict[str, str]
    path: str
    rows: int


@dataclass(frozen=True)
class StagedFile:
    """path: below the output folder, with `/`; rows; bytes."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class TableDeclaration:
    """What the catalog needs to know of a dataset. schema, quarantine_schema, partition_columns: [{name, type}] in Glue
    types, the partition columns not among the schema's; across_files: as in a manifest; table: parquet or iceberg.
    aliases: other names that files have for a column → the column.
    """

    contract_version: int
    schema: list[dict[str, str]]
    quarantine_schema: list[dict[str, str]]
    partition_columns: list[dict[str, str]]
    across_files: dict[str, Any]
    table: str = "parquet"
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The account of one source. Times in seconds, sizes in bytes.

    discarded: rows by the name of the rule that left them out; reasons: quarantined rows by failed check (a row
    with two reasons counts in both). schema, quarantine_schema, partition_columns: [{name, type}] in Glue types.
    statistics: imputed values and the limits of outliers, as text. notes: for people who use the table.
    across_files: {key: columns, latest: column or null} when the contract's key decides across files, else empty.
    table: parquet or iceberg.
    """

    dataset: str
    contract_version: int
    engine: str
    run_id: str
    source_key: str
    source_version: str
    rows_in: int
    published: int
    quarantined: int
    discarded: dict[str, int]
    reasons: dict[str, int]
    partitions: list[PartitionCount]
    files: list[StagedFile]
    quarantine_files: list[StagedFile]
    schema: list[dict[str, str]]
    quarantine_schema: list[dict[str, str]]
    partition_columns: list[dict[str, str]]
    statistics: dict[str, dict[str, str]]
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_rss_bytes: int
    notes: list[str] = field(default_factory=list)
    across_files: dict[str, Any] = field(default_factory=dict)
    table: str = "parquet"

    def balance(self) -> None:
        """Raise RowsLost unless every row that came in is published, quarantined or discarded."""
        out = self.published + self.quarantined + sum(self.discarded.values())
        counts = {
            "rows in": (self.rows_in, out),
            "rows of published files": (self.published, sum(file.rows for file in self.files)),
            "rows of partitions": (self.published, sum(partition.rows for partition in self.partitions)),
            "rows of quarantine files": (self.quarantined, sum(file.rows for file in self.quarantine_files)),
        }
        wrong = {name: f"{left:,} != {right:,}" for name, (left, right) in counts.items() if left != right}
        if wrong:
            raise RowsLost(f"{self.source_key}: the account does not add up: {wrong}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        parts = {
            "partitions": [PartitionCount(**partition) for partition in values["partitions"]],
            "files": [StagedFile(**file) for file in values["files"]],
            "quarantine_files": [StagedFile(**file) for file in values["quarantine_files"]],
        }
        return cls(**{**values, **parts})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_dict(), indent=2) + "\n")
