"""What ledger, lake, raw bucket and catalog hold, as tables of a temporary SQLite file: memory is bounded by a page."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import batched
from pathlib import PurePath
from typing import Any

from sluice.aws.dynamodb import Items
from sluice.aws.s3 import get_json
from sluice.ledger.ledger import HEAD
from sluice.publish.lake import Catalog

_THREADS = 8
_MANIFESTS_AT_ONCE = 200
_SCHEMA = """
CREATE TABLE heads (source PRIMARY KEY, manifest, run, version, lease_owner, lease_until, changed, known);
CREATE INDEX heads_manifest ON heads (manifest);
CREATE TABLE entries (source, version, status, run_id, sequencer, published, PRIMARY KEY (source, version));
CREATE TABLE named (manifest, source, role, stem);
CREATE TABLE lake (key PRIMARY KEY, folder, stem, bytes, changed) WITHOUT ROWID;
CREATE TABLE documents (manifest PRIMARY KEY, dataset, source, run, version, rows, published);
CREATE TABLE objects (key, manifest, bytes, rows);
CREATE TABLE promised_partitions (dataset, location, cells, manifest, source);
CREATE TABLE partitions (dataset, location, cells);
CREATE TABLE raw (source, version);
CREATE TABLE schemas (dataset PRIMARY KEY, contract_version, document);
CREATE TABLE iceberg (dataset PRIMARY KEY);
CREATE TABLE snapshot (dataset, key, stem, source, compacted, reading);
"""
_INDEXES = """
CREATE INDEX named_manifest ON named (manifest);
CREATE INDEX named_stem ON named (stem);
CREATE INDEX objects_key ON objects (key);
CREATE INDEX objects_manifest ON objects (manifest);
CREATE INDEX lake_folder ON lake (folder);
CREATE INDEX raw_version ON raw (source, version);
CREATE INDEX snapshot_key ON snapshot (key);
CREATE INDEX partitions_cells ON partitions (dataset, cells);
CREATE INDEX promised_cells ON promised_partitions (dataset, cells);
"""


@dataclass(frozen=True)
class Stores:
    """The clients and names of one stack. clients: of S3, DynamoDB and Glue."""

    s3: Any
    dynamodb: Any
    glue: Any
    ledger_table: str
    lake_bucket: str
    raw_bucket: str
    database: str


def take(stores: Stores, file: str, *, dataset: str | None, before: float) -> sqlite3.Connection:
    """Read everything once and return it. file: a path that does not exist yet. dataset: only this one.

    before: seconds since 1970; of the manifests that the ledger does not name, only the older ones are read.
    The lake comes first: what is named and missing, or there and unnamed, because of a run that went on meanwhile
    is seen by looking again.
    """
    database = sqlite3.connect(file)
    database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
    for kind in ("published", "quarantine", "manifests"):
        prefix = f"{kind}/{dataset}/" if dataset else f"{kind}/"
        database.executemany("INSERT INTO lake VALUES (?, ?, ?, ?, ?)", _listed(stores, prefix))
    _read_ledger(stores, database, dataset)
    _read_manifests(stores, database, before)
    database.executemany("INSERT INTO raw VALUES (?, ?)", _raw_versions(stores))
    for name in _datasets(database):
        if is_iceberg(read_table(stores, name)):
            # Of another one than was asked for, the ledger's items were not all read.
            if dataset in (None, name):
                database.execute("INSERT INTO iceberg VALUES (?)", (name,))
                read_snapshot(stores, database, name, reading=1)
        else:
            database.executemany("INSERT INTO partitions VALUES (?, ?, ?)", _partitions(stores, name))
    database.executescript(_INDEXES)
    return database


def named(head: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (manifest, role) of each manifest that the item of a key names."""
    if head.get("published_manifest"):
        yield head["published_manifest"], "promised"
    yield from ((manifest, role) for role in ("pending", "replaced", "emptied") for manifest in head.get(role, ()))


def read_table(stores: Stores, name: str) -> Any:
    """Return a table of the catalog, or None."""
    try:
        return stores.glue.get_table(DatabaseName=stores.database, Name=name)["Table"]
    except stores.glue.exceptions.EntityNotFoundException:
        return None


def is_iceberg(table: Any) -> bool:
    """Return whether a table of the catalog, or None, is an Iceberg table."""
    return bool(table) and table.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG"


def read_snapshot(stores: Stores, database: sqlite3.Connection, dataset: str, *, reading: int) -> None:
    """Add the files of an Iceberg table's current snapshot. reading: 1, or 2 when they are looked at again."""
    from sluice.publish.iceberg.snapshot import files_of, open_table

    table = open_table(stores.s3, Catalog(stores.glue, stores.database), dataset)
    start = len(f"s3://{stores.lake_bucket}/")
    rows = (
        (dataset, each.path[start:], PurePath(each.path).name.partition("-")[0], each.source, each.compacted, reading)
        for each in files_of(stores.s3, table)
    )
    database.executemany("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?)", rows)


def _datasets(database: sqlite3.Connection) -> list[str]:
    """Return those that the ledger promises rows of, or that have objects."""
    keys = "SELECT DISTINCT substr(key, 11, instr(substr(key, 11), '/') - 1) FROM lake WHERE key LIKE 'published/%'"
    return [name for (name,) in database.execute(f"SELECT dataset FROM schemas UNION {keys}")]  # noqa: S608


def state(head: dict[str, Any]) -> str:
    """Return what a run changes of a key's item, to compare two reads of it."""
    names = ("published_manifest", "pending", "replaced", "emptied", "lease_owner", "lease_until", "latest_version")
    return json.dumps([head.get(name) for name in names])


def _listed(stores: Stores, prefix: str) -> Iterator[tuple[str, str, str, int, float]]:
    pages = stores.s3.get_paginator("list_objects_v2").paginate(Bucket=stores.lake_bucket, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", []):
            folder, _, name = each["Key"].rpartition("/")
            yield each["Key"], folder, name.partition("-")[0], each["Size"], each["LastModified"].timestamp()


def _read_ledger(stores: Stores, database: sqlite3.Connection, dataset: str | None) -> None:
    for item in Items(stores.dynamodb, stores.ledger_table).scan():
        source = item["source"]
        if item["version"] != HEAD:
            names = ("version", "status", "run_id", "sequencer", "published")
            if dataset is None or item.get("dataset") == dataset:
                values = (item.get(name) for name in names)
                database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", (source, *values))
            continue
        manifests = list(named(item))
        if dataset and not any(manifest.startswith(f"manifests/{dataset}/") for manifest, _ in manifests):
            continue
        head = ("published_manifest", "published_run", "published_version", "lease_owner", "lease_until")
        row = (source, *(item.get(name) for name in head), item.get("updated_at", ""), state(item))
        database.execute("INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        rows = (
            # Of an emptied manifest no object is left: one that is there was written too late.
            (key, source, role, "" if role == "emptied" else key.rpartition("/")[2].removesuffix(".json"))
            for key, role in manifests
        )
        database.executemany("INSERT INTO named VALUES (?, ?, ?, ?)", rows)


def _read_manifests(stores: Stores, database: sqlite3.Connection, before: float) -> None:
    read = partial(_manifest, stores)
    wanted = database.execute(
        "SELECT manifest FROM named UNION SELECT key FROM lake WHERE key LIKE 'manifests/%' AND changed < ?", (before,)
    )
    keys = (str(key) for (key,) in wanted)
    with ThreadPoolExecutor(_THREADS) as threads:
        for some in batched(keys, _MANIFESTS_AT_ONCE, strict=False):
            for key, document in zip(some, threads.map(read, some), strict=True):
                if document is not None:
                    _keep(stores, database, key, document)


def _manifest(stores: Stores, key: str) -> Any:
    try:
        return get_json(stores.s3, stores.lake_bucket, key)
    except stores.s3.exceptions.NoSuchKey:
        return None


def _keep(stores: Stores, database: sqlite3.Connection, key: str, document: dict[str, Any]) -> None:
    dataset, source = document["dataset"], f"s3://{document['source']['bucket']}/{document['source']['key']}"
    rows = sum(each["rows"] for each in (*document["files"], *document["quarantine_files"]))
    facts = (key, dataset, source, document["run_id"], document["source"]["version_id"], rows, document["published"])
    database.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", facts)
    objects = ((each["key"], key, each["bytes"], each["rows"]) for each in document["objects"])
    database.executemany("INSERT INTO objects VALUES (?, ?, ?, ?)", objects)
    if not database.execute("SELECT 1 FROM heads WHERE manifest = ?", (key,)).fetchone():
        return
    folder = f"s3://{stores.lake_bucket}/published/{dataset}"
    # The metadata of an Iceberg table name its partitions.
    parquet = document.get("table", "parquet") == "parquet"
    names = [column["name"] for column in document["partition_columns"]] if parquet else []
    database.executemany(
        "INSERT INTO promised_partitions VALUES (?, ?, ?, ?, ?)",
        (
            (dataset, f"{folder}/{each['path']}", json.dumps([each["values"][name] for name in names]), key, source)
            for each in (document["partitions"] if names else ())
        ),
    )
    kept = {name: document[name] for name in ("schema", "quarantine_schema", "partition_columns", "across_files")}
    database.execute(
        "INSERT INTO schemas VALUES (?, ?, ?) ON CONFLICT (dataset) DO UPDATE SET contract_version = "
        "excluded.contract_version, document = excluded.document WHERE excluded.contract_version > contract_version",
        (dataset, document["contract_version"], json.dumps(kept)),
    )


def _raw_versions(stores: Stores) -> Iterator[tuple[str, str]]:
    for page in stores.s3.get_paginator("list_object_versions").paginate(Bucket=stores.raw_bucket):
        for each in page.get("Versions", []):
            yield f"s3://{stores.raw_bucket}/{each['Key']}", each["VersionId"]


def _partitions(stores: Stores, dataset: str) -> Iterable[tuple[str, str, str]]:
    paginator = stores.glue.get_paginator("get_partitions")
    try:
        for page in paginator.paginate(DatabaseName=stores.database, TableName=dataset, ExcludeColumnSchema=True):
            for each in page["Partitions"]:
                yield dataset, each["StorageDescriptor"]["Location"].rstrip("/"), json.dumps(each["Values"])
    except stores.glue.exceptions.EntityNotFoundException:
        return  # the table is reported as missing
