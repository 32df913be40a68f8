"""Measures the compaction of an Iceberg table of many small sources, on the local AWS; prints JSON.

    python -m tests.bench.compaction                       10,000 sources in 12 partitions, 20 rows each
    python -m tests.bench.compaction --sources 60 --partitions 1 --rows 400000      a file of 256 MB

Objects, bytes, seconds of a query, and the peak of this process, before and after; then a correction of 20 sources,
which must change exactly their rows. The local Athena reads real files, so ratios count, and not its seconds.
"""

import argparse
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import batched
from types import SimpleNamespace
from typing import Any

import polars as pl

from local import LocalAWS
from local.waiting import eventually
from sluice.maintain.copy_on_write import rewrite
from sluice.maintain.merge import merge
from sluice.publish.iceberg.commit import swap
from sluice.publish.iceberg.compaction import compact
from sluice.publish.lake import LakeManifest
from tests.bench.processes import peak_bytes
from tests.unit.cloud import DATABASE, LAKE
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, source, table

DAY = 86_400
QUERIES = {
    "all": "SELECT count(*), sum(quantity) FROM sales",
    "partition": "SELECT count(*), sum(quantity) FROM sales WHERE month = '2025-01'",
    "source": f"SELECT count(*) FROM sales WHERE _source_key = '{source('00042')}'",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=10_000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--rows", type=int, default=20, help="of a source")
    given = parser.parse_args()
    with LocalAWS(wait_scale=0.05) as aws:
        print(json.dumps(measured(aws, given.sources, given.partitions, given.rows), indent=1))


def measured(aws: LocalAWS, sources: int, partitions: int, rows: int) -> dict[str, Any]:
    cloud: Any = SimpleNamespace(s3=aws.client("s3"), glue=aws.client("glue"), athena=aws.client("athena"))
    cloud.s3.create_bucket(Bucket=LAKE)
    cloud.glue.create_database(DatabaseInput={"Name": DATABASE})
    ensure(*lake_of(cloud), "sales", SALES)
    fill(cloud, sources, partitions, rows)
    before = facts(cloud)
    peak, started = peak_bytes(), time.perf_counter()
    done = list(compact(*lake_of(cloud), "sales", merge, now=time.time() + 2 * DAY))
    compaction = {
        "partitions": len(done),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mb": [peak >> 20, peak_bytes() >> 20],
    }
    after = facts(cloud)
    assert counts(cloud) == {name(n): rows for n in range(sources)}
    return {
        "before": before,
        "compaction": compaction,
        "after": after,
        "correction": corrected(cloud, sources, partitions, rows),
    }


def corrected(cloud: Any, sources: int, partitions: int, rows: int) -> dict[str, Any]:
    some = range(0, sources, max(1, sources // 20 - 1))[:20]
    manifests = {source(f"{n:05}"): of(cloud, n, "run-2", rows + 1, partitions) for n in some}
    lake, catalog = lake_of(cloud)
    started = time.perf_counter()
    commit = swap(replace(lake, rewrite=rewrite), catalog, "sales", manifests, run_id="run-2", allowed=lambda: None)
    seconds = time.perf_counter() - started
    assert counts(cloud) == {name(n): rows + (n in some) for n in range(sources)}
    return {"sources": len(some), "added": commit.added, "removed": commit.removed, "seconds": round(seconds, 2)}


def fill(cloud: Any, sources: int, partitions: int, rows: int) -> None:
    lake, catalog = lake_of(cloud)
    with ThreadPoolExecutor(8) as threads:
        for some in batched(range(sources), 1_000, strict=False):
            made = list(threads.map(lambda n: of(cloud, n, "run-1", rows, partitions), some))
            wanted: dict[str, LakeManifest | None] = {each.account.source_key: each for each in made}
            swap(lake, catalog, "sales", wanted, run_id="run-1", allowed=lambda: None)


def of(cloud: Any, number: int, run_id: str, rows: int, partitions: int) -> LakeManifest:
    numbers = random.Random(number)  # noqa: S311
    frame = pl.DataFrame(
        {
            "item": [f"{numbers.getrandbits(64):x}" for _ in range(rows)],
            "quantity": [numbers.getrandbits(48) for _ in range(rows)],
        }
    )
    return publish_files(cloud, f"{number:05}", run_id, {f"month=2025-{number % partitions + 1:02}": frame})


def name(number: int) -> str:
    return source(f"{number:05}")


def counts(cloud: Any) -> dict[str, int]:
    read = table(cloud).scan(selected_fields=("_source_key",)).to_arrow()
    return {each["values"]: each["counts"] for each in read["_source_key"].value_counts().to_pylist()}


def facts(cloud: Any) -> dict[str, Any]:
    files = [task.file for task in table(cloud).scan().plan_files()]
    queries = {}
    for what, sql in QUERIES.items():
        done = [query(cloud.athena, sql) for _ in range(2)]
        fastest = min(done, key=lambda each: each[0])
        queries[what] = {"seconds": fastest[0], "bytes": fastest[1]}
    return {"objects": len(files), "mb": round(sum(file.file_size_in_bytes for file in files) / 1e6, 1), **queries}


def query(athena: Any, sql: str) -> tuple[float, int]:
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": DATABASE},
        ResultConfiguration={"OutputLocation": f"s3://{LAKE}/athena/"},
    )["QueryExecutionId"]

    def ended() -> Any:
        found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        return found if found["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    done = eventually(ended, seconds=600)
    assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
    return done["Statistics"]["EngineExecutionTimeInMillis"] / 1000, done["Statistics"]["DataScannedInBytes"]


if __name__ == "__main__":
    main()
