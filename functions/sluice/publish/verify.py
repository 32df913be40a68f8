"""Compares the ledger, the lake's manifests and objects, the raw bucket and the catalog, and names each difference.

A run that goes on meanwhile is no difference: what was found is looked at again, and left out when the item of its
key has changed. The lease, and an hour of age where nothing else tells, say whether a run is dead.
"""

import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sluice.aws.dynamodb import Items
from sluice.ledger.ledger import HEAD
from sluice.manifest import TableDeclaration
from sluice.publish.inventory import Stores, is_iceberg, named, read_snapshot, read_table, state, take
from sluice.publish.lake import Catalog

AGE_SECONDS = 3600
"""What no ledger item names, and is younger, may be of a run that goes on."""
REPLAY = "sluice replay publishes the source again"
NEXT = "the next upload of the key heals it; sluice redrive RUN, or sluice replay, does so now"
ADVICE = {
    "object_missing": f"remove its delete marker if its version is still there; otherwise {REPLAY}",
    "object_size_differs": f"somebody wrote over it: restore its version; otherwise {REPLAY}",
    "object_unreferenced": "--repair deletes it",
    "object_foreign": "it is no file of Sluice's, yet queries of the table read it: move it elsewhere",
    "object_promised_twice": f"two sources publish one object: {REPLAY}, one after the other",
    "manifest_missing": f"remove its delete marker if its version is still there; otherwise {REPLAY}",
    "manifest_disagrees": f"it is another run's or source's than the ledger says: {REPLAY}",
    "manifest_rows_differ": f"its files have other rows than its account: {REPLAY}",
    "manifest_unreferenced": "--repair deletes it",
    "replaced_not_removed": "readers see old and new rows: --repair removes the old ones",
    "pending_of_dead_run": f"readers may see rows that nobody promises: {NEXT}",
    "published_entry_without_promise": f"the entry is PUBLISHED, its key promises nothing: {REPLAY}",
    "promise_without_published_entry": f"the key promises a version whose entry is not PUBLISHED: {REPLAY}",
    "later_version_published": f"a later version is PUBLISHED than the key promises: {REPLAY} of the later one",
    "entry_rows_differ": "the entry counts other rows than the manifest: the manifest is what readers see",
    "cleaning_without_lease": f"its run is dead: {NEXT}",
    "lease_of_dead_run": f"its run is dead: {NEXT}",
    "raw_version_gone": "the rows cannot be made again from the raw bucket: restore the version from a backup",
    "table_missing": f"queries fail: {REPLAY}, which creates it",
    "table_columns_differ": f"somebody, or a crawler, changed it: {REPLAY} under a raised contract version",
    "table_location_differs": f"queries read another folder: {REPLAY}, which sets it",
    "partition_missing": "queries do not see it: --repair registers it",
    "partition_location_differs": "queries read another folder: drop the partition, then --repair registers it",
    "partition_empty": "queries read it as no rows; --repair drops it",
    "file_not_in_snapshot": "queries do not see it: --repair commits it",
    "file_not_promised": "queries see rows that nobody promises: --repair takes it out of the table",
    "query_rows_differ": "Athena counts other rows than the manifests: heal the other differences first, then replay",
}
REPAIRABLE = frozenset(
    (
        "object_unreferenced",
        "manifest_unreferenced",
        "replaced_not_removed",
        "partition_missing",
        "partition_empty",
        "file_not_in_snapshot",
        "file_not_promised",
    )
)

HARMLESS = frozenset(("partition_empty",))
"""What removal and undo leave: no alert, and no failure of the command."""


@dataclass(frozen=True)
class Difference:
    """kind: of ADVICE. subject: the key, table, partition or version that differs. source: s3:// of the key, or ""."""

    kind: str
    subject: str
    source: str = ""
    detail: str = ""

    def to_dict(self) -> dict[str, str]:
        return {**asdict(self), "advice": ADVICE[self.kind]}


_QUERIES = {
    "object_missing": """
        SELECT objects.key, heads.source, objects.manifest FROM heads JOIN objects USING (manifest)
        LEFT JOIN lake USING (key) WHERE lake.key IS NULL
        AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.key = objects.key AND compacted)""",
    "object_size_differs": """
        SELECT objects.key, heads.source, lake.bytes || ' bytes, not ' || objects.bytes
        FROM heads JOIN objects USING (manifest) JOIN lake USING (key) WHERE lake.bytes <> objects.bytes""",
    "object_promised_twice": """
        SELECT objects.key, min(heads.source), group_concat(heads.source) FROM heads JOIN objects USING (manifest)
        GROUP BY objects.key HAVING count(*) > 1""",
    "object_unreferenced": """
        SELECT lake.key, '', lake.bytes || ' bytes' FROM lake
        WHERE lake.key NOT LIKE 'manifests/%' AND lake.changed < :old AND lake.stem NOT IN (SELECT stem FROM named)
        AND NOT EXISTS (SELECT 1 FROM iceberg WHERE lake.key LIKE 'published/' || iceberg.dataset || '/%')""",
    "manifest_missing": """
        SELECT heads.manifest, heads.source, 'promised by ' || heads.run FROM heads
        LEFT JOIN documents USING (manifest) WHERE heads.manifest IS NOT NULL AND documents.manifest IS NULL""",
    "manifest_disagrees": """
        SELECT manifest, heads.source, documents.source || ' ' || documents.version || ' of ' || documents.run
        FROM heads JOIN documents USING (manifest) WHERE (documents.source, documents.run, documents.version)
        <> (heads.source, heads.run, heads.version)""",
    "manifest_rows_differ": """
        SELECT manifest, heads.source, objects.rows || ' rows in files, not ' || documents.rows
        FROM heads JOIN documents USING (manifest)
        JOIN (SELECT manifest, sum(rows) AS rows FROM objects GROUP BY manifest) AS objects USING (manifest)
        WHERE objects.rows <> documents.rows""",
    "manifest_unreferenced": """
        SELECT documents.manifest, documents.source, 'of ' || documents.run FROM documents
        LEFT JOIN heads USING (source) WHERE documents.manifest NOT IN (SELECT manifest FROM named)
        AND NOT coalesce(heads.lease_until >= :now AND heads.lease_owner = documents.run, 0)""",
    "replaced_not_removed": """
        SELECT named.manifest, heads.source, 'since ' || heads.changed FROM named JOIN heads USING (source)
        WHERE named.role IN ('replaced', 'emptied') AND heads.changed < :old_text""",
    "pending_of_dead_run": """
        SELECT named.manifest, heads.source, coalesce('of ' || documents.run, 'the manifest is missing')
        FROM named JOIN heads USING (source) LEFT JOIN documents ON documents.manifest = named.manifest
        WHERE named.role = 'pending' AND NOT coalesce(
            heads.lease_until >= :now AND heads.lease_owner = coalesce(documents.run, heads.lease_owner), 0)""",
    "published_entry_without_promise": """
        SELECT entries.version, entries.source, 'published by ' || entries.run_id FROM entries
        LEFT JOIN heads USING (source) WHERE entries.status = 'PUBLISHED' AND heads.manifest IS NULL""",
    "promise_without_published_entry": """
        SELECT heads.version, heads.source, coalesce(entries.status || ' by ' || entries.run_id, 'no entry') FROM heads
        LEFT JOIN entries USING (source, version) WHERE heads.manifest IS NOT NULL
        AND (coalesce(entries.status, '') <> 'PUBLISHED' OR entries.run_id <> heads.run)""",
    "later_version_published": """
        SELECT later.version, heads.source, 'promised is ' || heads.version FROM heads
        JOIN entries AS promised USING (source, version)
        JOIN entries AS later ON later.source = heads.source AND later.status = 'PUBLISHED'
        WHERE heads.manifest IS NOT NULL AND later.sequencer > promised.sequencer""",
    "entry_rows_differ": """
        SELECT heads.version, heads.source, entries.published || ' rows, the manifest has ' || documents.published
        FROM heads JOIN entries USING (source, version) JOIN documents USING (manifest)
        WHERE entries.status = 'PUBLISHED' AND entries.published <> documents.published""",
    "cleaning_without_lease": """
        SELECT entries.version, entries.source, 'cleaned by ' || entries.run_id FROM entries
        LEFT JOIN heads USING (source)
        WHERE entries.status = 'CLEANING' AND coalesce(heads.lease_owner, '') <> entries.run_id""",
    "lease_of_dead_run": """
        SELECT lease_owner, source, 'ended ' || datetime(lease_until, 'unixepoch') FROM heads
        WHERE lease_owner IS NOT NULL AND lease_until < :now""",
    "raw_version_gone": """
        SELECT heads.version, heads.source, 'published by ' || heads.run FROM heads
        LEFT JOIN raw USING (source, version) WHERE heads.manifest IS NOT NULL AND raw.version IS NULL""",
    "partition_missing": """
        SELECT promised.location, min(promised.source), promised.manifest FROM promised_partitions AS promised
        LEFT JOIN partitions USING (dataset, cells) WHERE partitions.cells IS NULL GROUP BY promised.location""",
    "partition_location_differs": """
        SELECT promised.location, min(promised.source), partitions.location FROM promised_partitions AS promised
        JOIN partitions USING (dataset, cells) WHERE partitions.location <> promised.location
        GROUP BY promised.location""",
    "partition_empty": """
        SELECT partitions.location, '', partitions.dataset || ' ' || partitions.cells FROM partitions
        WHERE NOT EXISTS (SELECT 1 FROM lake WHERE lake.folder = substr(partitions.location, :folder_at))
        AND NOT EXISTS (SELECT 1 FROM promised_partitions AS promised
            WHERE promised.dataset = partitions.dataset AND promised.cells = partitions.cells)""",
    # A run that has the key shows its own files from its commit on.
    "file_not_in_snapshot": """
        SELECT objects.key, heads.source, heads.manifest FROM heads JOIN objects USING (manifest)
        JOIN documents USING (manifest) JOIN iceberg USING (dataset)
        WHERE objects.key LIKE 'published/%'
        AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.key = objects.key)
        AND NOT EXISTS (SELECT 1 FROM named WHERE named.source = heads.source AND named.role = 'pending')""",
    "file_not_promised": """
        SELECT key, source, 'in ' || dataset FROM snapshot
        WHERE reading = 1 AND stem NOT IN (SELECT stem FROM named WHERE role <> 'emptied')""",
}
_OF_ENTRIES = frozenset(
    (
        "published_entry_without_promise",
        "promise_without_published_entry",
        "later_version_published",
        "entry_rows_differ",
        "cleaning_without_lease",
    )
)
_OURS = re.compile(r"(?:published|quarantine)/.+/[0-9a-f]{32}-\d+\.parquet")


def verify(
    stores: Stores, *, dataset: str | None = None, now: float, count: Callable[[str], int] | None = None
) -> Iterator[Difference]:
    """Yield what differs, kind by kind, in the order of ADVICE's promises first. dataset: only this one.

    now: seconds since 1970. count: returns the rows that a query sees in a table; without it none is asked.
    Memory is bounded: what was read stands in a temporary file.
    """
    with tempfile.TemporaryDirectory() as folder:
        taken = take(stores, str(Path(folder) / "inventory"), dataset=dataset, before=now - AGE_SECONDS)
        looked = _Again(stores, taken)
        operands = {
            "now": now,
            "old": now - AGE_SECONDS,
            "old_text": datetime.fromtimestamp(now - AGE_SECONDS, UTC).isoformat(timespec="milliseconds"),
            "folder_at": len(f"s3://{stores.lake_bucket}/") + 1,
        }
        for kind, query in _QUERIES.items():
            for subject, source, detail in taken.execute(query, operands):
                difference = Difference(kind, subject, source, str(detail))
                if looked.stands(difference):
                    yield _foreign(difference)
        yield from _tables(stores, taken)
        if count:
            yield from _counts(taken, count)
        taken.close()


def is_empty(s3: Any, bucket: str, location: str) -> bool:
    """Return whether a partition's folder holds no object. location: s3://… without a slash at its end."""
    prefix = location.removeprefix(f"s3://{bucket}/") + "/"
    return not s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents")


def _foreign(difference: Difference) -> Difference:
    if difference.kind == "object_unreferenced" and not _OURS.fullmatch(difference.subject):
        return replace(difference, kind="object_foreign")
    return difference


class _Again:
    """Looks at a difference a second time: the runs went on while everything was read."""

    def __init__(self, stores: Stores, taken: sqlite3.Connection) -> None:
        self._stores = stores
        self._taken = taken
        self._items = Items(stores.dynamodb, stores.ledger_table)
        self._read_again: set[str] = set()

    def stands(self, difference: Difference) -> bool:
        """Return whether neither its source's items nor its object have changed since they were read."""
        return self._same_items(difference) and self._same_object(difference) and self._same_file(difference)

    def _same_items(self, of: Difference) -> bool:
        if not of.source:
            return True
        known = self._one("SELECT known FROM heads WHERE source = ?", of.source)
        if known != (state(self._items.get({"source": of.source, "version": HEAD})) if known else None):
            return False
        if of.kind not in _OF_ENTRIES:
            return True
        entry = self._items.get({"source": of.source, "version": of.subject})
        read = self._one(
            "SELECT status || ' ' || run_id FROM entries WHERE source = ? AND version = ?", of.source, of.subject
        )
        return read == (f"{entry['status']} {entry['run_id']}" if entry else None)

    def _same_object(self, of: Difference) -> bool:
        if of.kind == "partition_empty":
            return is_empty(self._stores.s3, self._stores.lake_bucket, of.subject)
        if of.kind in ("object_missing", "object_size_differs", "object_unreferenced"):
            return self._size(of.subject) == self._one("SELECT bytes FROM lake WHERE key = ?", of.subject)
        return True

    def _same_file(self, of: Difference) -> bool:
        """Look at the snapshot again, once a dataset, and then at the item: the file's run may have begun meanwhile."""
        if of.kind not in ("file_not_in_snapshot", "file_not_promised"):
            return True
        dataset = of.subject.split("/")[1]
        if dataset not in self._read_again:
            read_snapshot(self._stores, self._taken, dataset, reading=2)
            self._read_again.add(dataset)
        there = self._one("SELECT 1 FROM snapshot WHERE key = ? AND reading = 2", of.subject) is not None
        item = self._items.get({"source": of.source, "version": HEAD})
        stem = of.subject.rpartition("/")[2].partition("-")[0]
        promised = any(stem in key for key, role in named(item) if role != "emptied")
        return there != promised and there == (of.kind == "file_not_promised")

    def _size(self, key: str) -> int | None:
        listed = self._stores.s3.list_objects_v2(Bucket=self._stores.lake_bucket, Prefix=key, MaxKeys=1)
        return next((int(each["Size"]) for each in listed.get("Contents", []) if each["Key"] == key), None)

    def _one(self, query: str, *values: str) -> Any:
        found = self._taken.execute(query, values).fetchone()
        return found[0] if found else None


def _tables(stores: Stores, taken: sqlite3.Connection) -> Iterator[Difference]:
    schemas = taken.execute("SELECT dataset, document, contract_version FROM schemas ORDER BY dataset").fetchall()
    for dataset, document, version in schemas:
        of = json.loads(document)
        lake = f"s3://{stores.lake_bucket}"
        yield from _table(
            stores, dataset, f"{lake}/published/{dataset}", of["schema"], of["partition_columns"], version
        )
        quarantine = f"{dataset}_quarantine"
        yield from _table(stores, quarantine, f"{lake}/quarantine/{dataset}", of["quarantine_schema"], [], version)
        if of["across_files"] and read_table(stores, f"{dataset}_latest") is None:
            yield Difference("table_missing", f"{dataset}_latest", detail="the view of the latest rows")


def _table(
    stores: Stores,
    name: str,
    location: str,
    columns: list[dict[str, str]],
    partition_columns: list[dict[str, str]],
    version: int,
) -> Iterator[Difference]:
    table = read_table(stores, name)
    if table is None:
        yield Difference("table_missing", name)
        return
    have = table["StorageDescriptor"]
    if is_iceberg(table):
        odd = _odd_columns(stores, name, TableDeclaration(version, columns, [], partition_columns, {}))
    else:
        wanted = [f"{each['name']} {each['type']}" for each in (*columns, *partition_columns)]
        found = [f"{each['Name']} {each['Type']}" for each in (*have["Columns"], *table.get("PartitionKeys", []))]
        odd = sorted({*found} ^ {*wanted}) or ([] if found == wanted else ["in another order"])
    if odd:
        yield Difference("table_columns_differ", name, detail=", ".join(odd))
    if have["Location"].rstrip("/") != location:
        yield Difference("table_location_differs", name, detail=have["Location"])


def _odd_columns(stores: Stores, name: str, declaration: TableDeclaration) -> list[str]:
    from sluice.publish.iceberg.snapshot import differing_columns, open_table

    table = open_table(stores.s3, Catalog(stores.glue, stores.database), name)
    return differing_columns(table, declaration)


def _counts(taken: sqlite3.Connection, count: Callable[[str], int]) -> Iterator[Difference]:
    """Compare what queries see; publications that began, and those replaced just now, may be seen or not."""
    rows = "SELECT documents.dataset, named.role = 'promised' AS promised, sum(published) AS published, "
    rows += "sum(rows - published) AS quarantined FROM named JOIN documents USING (manifest) GROUP BY 1, 2"
    for dataset in [name for (name,) in taken.execute("SELECT dataset FROM schemas ORDER BY dataset")]:
        known = {promised: counts for name, promised, *counts in taken.execute(rows) if name == dataset}
        for place, table in enumerate((dataset, f"{dataset}_quarantine")):
            promised = known.get(1, [0, 0])[place]
            most = promised + known.get(0, [0, 0])[place]
            if not promised <= (seen := count(table)) <= most:
                yield Difference("query_rows_differ", table, detail=f"{seen:,} rows, the manifests have {promised:,}")
