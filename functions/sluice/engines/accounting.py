"""The account of a source's rows, and the manifest made of it. Both engines share it."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.clean.result import CleanBatch
from sluice.contract.glue_types import glue_schema
from sluice.contract.model import Contract
from sluice.engines.impute import Plan
from sluice.engines.output_rows import Lineage
from sluice.manifest import Manifest, PartitionCount, StagedFile, TableDeclaration
from sluice.read.header import Header


@dataclass
class Account:
    """Rows so far. discarded: by the rule's name; reasons: quarantined rows by failed check."""

    rows_in: int = 0
    quarantined: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add_batch(self, batch: CleanBatch) -> None:
        self.rows_in += batch.rows_in
        self.quarantined += batch.quarantined.height
        self.discarded.update(batch.discarded)
        self.reasons.update(batch.reasons)

    def add(self, part: Mapping[str, Any]) -> None:
        """Add the account of a part of the file, as its to_dict returned it."""
        self.rows_in += part["rows_in"]
        self.quarantined += part["quarantined"]
        self.discarded.update(part["discarded"])
        self.reasons.update(part["reasons"])

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows_in": self.rows_in,
            "quarantined": self.quarantined,
            "discarded": dict(self.discarded),
            "reasons": dict(self.reasons),
        }

    def note_header(self, contract: Contract, header: Header) -> None:
        lacking = [drift.column for drift in header.drift if drift.policy == "filled"]
        if lacking:
            self.notes.append(f"optional columns that the file lacks: {', '.join(lacking)[:500]}")
        if header.unknown and contract.reading.unknown_columns != "reject":
            names = ", ".join(sorted(header.unknown))[:500]
            self.notes.append(f"columns that the contract does not know: {names}")


@dataclass(frozen=True)
class Written:
    """What the cleaning of a source has written: counts by partition, and all files with their rows and bytes."""

    partitions: list[PartitionCount]
    files: list[StagedFile]
    quarantine_files: list[StagedFile]


@dataclass(frozen=True)
class Cost:
    """The cost of a cleaning. started: time.perf_counter() at its beginning; sizes in bytes."""

    engine: str
    started: float
    bytes_in: int
    peak_rss_bytes: int


def manifest_of(
    contract: Contract, account: Account, whole: Plan, written: Written, lineage: Lineage, cost: Cost
) -> Manifest:
    """Return the manifest of a source. Raises RowsLost when it does not add up."""
    tables = declared_tables(contract)
    manifest = Manifest(
        dataset=contract.name,
        contract_version=tables.contract_version,
        engine=cost.engine,
        run_id=lineage.run_id,
        source_key=lineage.source_key,
        source_version=lineage.source_version,
        rows_in=account.rows_in,
        published=sum(file.rows for file in written.files),
        quarantined=account.quarantined,
        discarded={name: count for name, count in account.discarded.items() if count},
        reasons=dict(account.reasons.most_common()),
        partitions=sorted(written.partitions, key=lambda partition: partition.path),
        files=written.files,
        quarantine_files=written.quarantine_files,
        schema=tables.schema,
        quarantine_schema=tables.quarantine_schema,
        partition_columns=tables.partition_columns,
        statistics=whole.describe(contract),
        bytes_in=cost.bytes_in,
        bytes_out=sum(file.bytes for file in (*written.files, *written.quarantine_files)),
        seconds=round(time.perf_counter() - cost.started, 3),
        peak_rss_bytes=cost.peak_rss_bytes,
        notes=account.notes,
        across_files=tables.across_files,
        table=tables.table,
    )
    manifest.balance()
    return manifest


def declared_tables(contract: Contract) -> TableDeclaration:
    """Return what the catalog needs to know of a dataset's tables."""
    in_path = [part.name for part in contract.partition_by]
    unique = contract.unique
    return TableDeclaration(
        contract_version=contract.version,
        schema=glue_schema({name: dtype for name, dtype in contract.published.items() if name not in in_path}),
        quarantine_schema=glue_schema(contract.quarantined),
        partition_columns=glue_schema({name: contract.published[name] for name in in_path}),
        across_files={"key": list(unique.key), "latest": unique.latest} if unique and unique.across_files else {},
        table=contract.table,
        aliases=dict(contract.reading.aliases),
    )
