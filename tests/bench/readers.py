"""What readers of a Parquet and of an Iceberg table see while a file is replaced, and what the check of a file reads.

    python -m tests.bench.readers [--replacements 200] [--partitions 50] [--sources 10 1000 10000]

The states from Claim to RemoveReplaced are called one after the other on the local AWS, without the grace for running
queries; meanwhile a reader counts the rows of the file as fast as it can. Then the query of Check runs for one small
file that has others beside it in its partition: of these the Parquet table has copies of the object, the Iceberg table
entries in its metadata.
"""

import argparse
import json
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path
from typing import Any

from local import Connection, LocalAWS
from sluice.aws.object_keys import file_stem, lake_manifest_key, manifest_key, staging_prefix, table_prefix
from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.publish.commit import commit
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.commit import swap
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.lake import Catalog, Lake, LakeManifest, read_manifest
from sluice.publish.publisher import publish
from sluice.publish.remove import remove_replaced
from sluice.publish.row_counts import CountQuery, count_query
from sluice.read.source import FileSource

KINDS = ("parquet", "iceberg")
COLUMNS = (
    "transaction_id,store_id,product_id,sale_date,quantity,unit_price,currency,channel,category,customer_age,is_test,"
    "updated_at"
)
SOURCES_A_RUN = 100
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Seen:
    """How often a reader saw the rows of one version, those of two or parts of them, or an error."""

    one_version: int
    both: int
    failed: int


@dataclass(frozen=True)
class Reads:
    """What the query of Check reads of the table, and the metadata of an Iceberg table: objects and their bytes."""

    data_bytes: int
    metadata_objects: int = 0
    metadata_bytes: int = 0


class House:
    """A dataset with a table of one kind, in a lake, a ledger and a database of its own."""

    def __init__(self, aws: Connection, kind: str, folder: Path) -> None:
        name = f"readers-{uuid.uuid4().hex[:8]}"
        self.contract = replace(registry.load("sales"), table=kind)
        self._folder, self._raw, self._work = folder, f"{name}-raw", f"{name}-work"
        self.s3, self._athena, dynamodb = (aws.client(each) for each in ("s3", "athena", "dynamodb"))
        self.lake = Lake(self.s3, f"{name}-lake")
        self.catalog = Catalog(aws.client("glue"), name.replace("-", "_"))
        for bucket in (self.lake.bucket, self._raw, self._work):
            self.s3.create_bucket(Bucket=bucket)
        self.catalog.glue.create_database(DatabaseInput={"Name": self.catalog.database})
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("source", "version")],
            KeySchema=[
                {"AttributeName": "source", "KeyType": "HASH"},
                {"AttributeName": "version", "KeyType": "RANGE"},
            ],
        )
        self._ledger = Ledger(dynamodb, name)

    def source(self, name: str, number: int = 0) -> ObjectVersion:
        return ObjectVersion(self._raw, f"sales/S1/{name}.csv", f"v{number}", f"{number:08}", 1)

    def publish(self, source: ObjectVersion, rows: list[str]) -> LakeManifest:
        """Do with a file what the states from Claim to RemoveReplaced do; return its manifest."""
        run_id, dataset = f"sales-{uuid.uuid4().hex}", self.contract.name
        task = Task(run_id, dataset, source)
        self._clean(task, rows)
        self._ledger.receive(source)
        self._ledger.accept(source, run_id=run_id, dataset=dataset)
        self._ledger.claim(source, run_id=run_id, lease_seconds=900, engine="polars")
        publish(self.lake, self.catalog, self._ledger, task, work_bucket=self._work)
        if self.contract.table == "iceberg":
            commit(self.lake, self.catalog, self._ledger, run_id=run_id, dataset=dataset, sources=[source])
        manifest = read_manifest(self.lake, lake_manifest_key(dataset, run_id, source))
        self._ledger.complete(source, run_id=run_id, manifest=manifest.key, published=manifest.account.published)
        remove_replaced(self.lake, self.catalog, self._ledger, source)
        return manifest

    def _clean(self, task: Task, rows: list[str]) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            file, out = Path(name) / "sales.csv", Path(name) / "out"
            file.write_text("\n".join([COLUMNS, *rows, ""]))
            lineage = Lineage(task.source.uri, task.run_id, file_stem(task.run_id, task.source))
            account = polars_engine.clean(self.contract, FileSource(file), out, lineage=lineage)
            for each in (*account.files, *account.quarantine_files):
                key = staging_prefix(task.run_id, task.source) + each.path
                self.s3.put_object(Bucket=self._work, Key=key, Body=(out / each.path).read_bytes())
            key = manifest_key(task.run_id, task.source)
            self.s3.put_object(Bucket=self._work, Key=key, Body=json.dumps(account.to_dict()).encode())

    def query(self, sql: str, parameters: list[str]) -> tuple[dict[str, Any], list[list[str]]]:
        """Return the ended execution of a query, and its rows."""
        query_id = self._athena.start_query_execution(
            QueryString=sql,
            ExecutionParameters=parameters,
            QueryExecutionContext={"Database": self.catalog.database},
            ResultConfiguration={"OutputLocation": f"s3://{self._work}/athena/"},
        )["QueryExecutionId"]
        while True:
            done = self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if done["Status"]["State"] in ENDED:
                break
            time.sleep(0.02)
        if done["Status"]["State"] != "SUCCEEDED":
            return done, []
        answer = self._athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        return done, [[cell["VarCharValue"] for cell in row["Data"]] for row in answer[1:]]


def replacements(house: House, *, times: int, partitions: int) -> Seen:
    """Replace a file that has a row in each of some months by one with a row more, and back, while a reader counts."""
    versions = [partitions, partitions + 1]
    house.publish(house.source("2025-03-05"), _sales(versions[0], partitions))
    seen: Counter[str] = Counter()
    ended = threading.Event()

    def read() -> None:
        uri = house.source("2025-03-05").uri
        sql = f"SELECT _source_key, count(*) FROM {house.contract.name} WHERE _source_key = ? GROUP BY 1"
        while not ended.is_set():
            done, rows = house.query(sql, [f"'{uri}'"])
            failed = done["Status"]["State"] != "SUCCEEDED"
            one = [int(count) for _, count in rows] in ([versions[0]], [versions[1]])
            seen["failed" if failed else "one_version" if one else "both"] += 1

    with ThreadPoolExecutor(1) as threads:
        reader = threads.submit(read)
        try:
            for number in range(1, times + 1):
                house.publish(house.source("2025-03-05", number), _sales(versions[number % 2], partitions))
        finally:
            ended.set()
        reader.result()
    return Seen(**{name: seen[name] for name in ("one_version", "both", "failed")})


def check_reads(house: House, *, sources: int) -> Reads:
    """Return what the query of Check reads for one of so many small files that have one partition."""
    manifest = house.publish(house.source("one"), _sales(20, 1))
    _add_others(house, manifest, [f"other-{number}" for number in range(sources - 1)])
    check: CountQuery = count_query([manifest], bucket=house.lake.bucket)
    done, rows = house.query(check.query, check.parameters)
    if [row[2] for row in rows] != ["20"]:
        raise RuntimeError(f"the check counts {rows}: {done['Status']}")
    if house.contract.table == "parquet":
        return Reads(done["Statistics"]["DataScannedInBytes"])
    files = S3FileIO(house.s3)
    table = load(house.catalog, house.contract.name, files)
    snapshot = table.current_snapshot()
    assert snapshot
    names = [
        table.metadata_location,
        snapshot.manifest_list,
        *(each.manifest_path for each in snapshot.manifests(files)),
    ]
    return Reads(
        done["Statistics"]["DataScannedInBytes"], len(names), sum(len(files.new_input(name)) for name in names)
    )


def _add_others(house: House, manifest: LakeManifest, names: list[str]) -> None:
    """Put further sources with the same rows into the partition of a manifest."""
    account = manifest.account
    (key,) = manifest.published
    others = []
    for name in names:
        source = house.source(name)
        stem = file_stem(account.run_id, source)
        file = replace(account.files[0], path=account.files[0].path.rpartition("/")[0] + f"/{stem}-0.parquet")
        others.append(LakeManifest.of(replace(account, source_key=source.uri, files=[file]), source))
    if house.contract.table == "iceberg":
        for some in batched(others, SOURCES_A_RUN, strict=False):
            wanted = {each.account.source_key: each for each in some}
            swap(house.lake, house.catalog, house.contract.name, wanted, run_id=account.run_id, allowed=lambda: None)
        return
    assert key.startswith(table_prefix(house.contract.name))
    body = house.s3.get_object(Bucket=house.lake.bucket, Key=key)["Body"].read()

    def put(other: LakeManifest) -> None:
        house.s3.put_object(Bucket=house.lake.bucket, Key=other.published[0], Body=body)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, others))


def _sales(rows: int, months: int) -> list[str]:
    """Rows of a file of sales, in some months in turn."""
    return [
        f"T{row},S1,P1,{2020 + row % months // 12}-{row % months % 12 + 1:02}-03,1,3.50,EUR,online,toys,40,false,"
        for row in range(rows)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replacements", type=int, default=200)
    parser.add_argument("--partitions", type=int, default=50)
    parser.add_argument("--sources", type=int, nargs="*", default=[10, 1_000, 10_000])
    given = parser.parse_args()
    with LocalAWS(wait_scale=0.02) as aws, tempfile.TemporaryDirectory() as folder:

        def each(what: str, measure: Callable[[House], object]) -> None:
            for kind in KINDS:
                print(f"{what}, {kind}: {measure(House(aws, kind, Path(folder)))}", flush=True)

        for sources in given.sources:
            each(
                f"check beside {sources - 1:,} sources",
                lambda house, sources=sources: check_reads(house, sources=sources),
            )
        if given.replacements:
            each(
                f"{given.replacements} replacements of {given.partitions} partitions",
                lambda house: replacements(house, times=given.replacements, partitions=given.partitions),
            )


if __name__ == "__main__":
    main()
