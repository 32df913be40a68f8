"""The outcome of a text under a contract, in one call: for the examples of docs/contract.md and for your own tests."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from sluice.contract.model import LINEAGE, Contract
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.errors import FileRejected


@dataclass(frozen=True)
class Outcome:
    """published: the table's rows, without the lineage; quarantined: row number → reasons; discarded: by name.

    rejected: the reason why the whole file is rejected, or None. paths: the partitions. notes: the manifest's.
    """

    published: list[dict[str, Any]] = field(default_factory=list)
    quarantined: dict[int, list[str]] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)
    rejected: str | None = None
    paths: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.published]


@dataclass(frozen=True)
class _Text:
    name: str
    content: bytes

    def open(self) -> BinaryIO:
        return BytesIO(self.content)


def outcome(contract: Contract, text: str | bytes, key: str | None = None) -> Outcome:
    """Clean a CSV given as text or bytes. key: the object's key, for the columns that must agree with it."""
    patterns = contract.patterns if key else ()
    parts: Mapping[str, str] = next((found for each in patterns if (found := each.match(str(key)))), {})
    content = text if isinstance(text, bytes) else text.encode(contract.reading.format.encoding)
    source = _Text(key or "text.csv", content)
    lineage = Lineage(source_key=source.name, run_id="outcome", file_stem="rows")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        try:
            manifest = polars_engine.clean(contract, source, out, lineage=lineage, parts=parts, hash_key="of a test")
        except FileRejected as rejected:
            return Outcome(rejected=rejected.reason)
        types = {part.name: contract.types[part.name] for part in contract.partition_by}
        published = [pl.read_parquet(path, hive_schema=types) for path in _files(out / "published")]
        bad = [pl.read_parquet(path) for path in _files(out / "quarantine")]
    rows = pl.concat(published).sort("_row_number") if published else pl.DataFrame(schema=dict(contract.published))
    return Outcome(
        published=rows.drop(LINEAGE).to_dicts(),
        quarantined={number: reasons for frame in bad for number, reasons in _reasons(frame)},
        discarded=manifest.discarded,
        paths=[partition.path for partition in manifest.partitions],
        notes=manifest.notes,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def _reasons(frame: pl.DataFrame) -> list[tuple[int, list[str]]]:
    return [(number, reasons) for number, reasons in frame.select("_row_number", "_reasons").iter_rows()]
