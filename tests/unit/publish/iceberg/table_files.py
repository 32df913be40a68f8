"""A dataset's files and manifests in the lake of a test, and what readers see of its Iceberg table."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from sluice.aws.object_version import ObjectVersion
from sluice.manifest import Manifest, PartitionCount, TableDeclaration
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.iceberg.table import evolve, require
from sluice.publish.lake import Catalog, Lake, LakeManifest, LakeObject
from tests.unit.cloud import DATABASE, LAKE, RAW, Cloud
from tests.unit.publish.test_tables import MANIFEST

SALES = TableDeclaration(
    contract_version=1,
    schema=[
        {"name": "item", "type": "string"},
        {"name": "quantity", "type": "bigint"},
        {"name": "_source_key", "type": "string"},
        {"name": "_run_id", "type": "string"},
    ],
    quarantine_schema=[],
    partition_columns=[{"name": "month", "type": "string"}],
    across_files={},
)


def lake_of(cloud: Cloud) -> tuple[Lake, Catalog]:
    return Lake(cloud.s3, LAKE), Catalog(cloud.glue, DATABASE)


def ensure(lake: Lake, catalog: Catalog, dataset: str, declaration: TableDeclaration) -> None:
    """Make a table as the first commit makes it, or change it as a deployment does."""
    evolve(lake, catalog, dataset, declaration)
    require(lake, catalog, dataset, declaration)


def source(name: str) -> str:
    return f"s3://{RAW}/sales/{name}.csv"


def publish_files(
    cloud: Cloud,
    name: str,
    run_id: str,
    rows: Mapping[str, list[dict[str, Any]] | pl.DataFrame],
    declaration: TableDeclaration = SALES,
    values: dict[str, dict[str, str]] | None = None,
) -> LakeManifest:
    """Write a source's files and return its manifest. rows: by the partition's path; values: by path, when the path is
    not made of them.
    """
    uri = source(name)
    stem = hashlib.sha256(f"{uri}{run_id}".encode()).hexdigest()[:32]
    objects, counts = [], []
    for number, (path, some) in enumerate(rows.items()):
        frame = some if isinstance(some, pl.DataFrame) else pl.DataFrame(some).cast({pl.Decimal: pl.Decimal(9, 2)})
        frame = frame.with_columns(_source_key=pl.lit(uri), _run_id=pl.lit(run_id))
        body = io.BytesIO()
        frame.write_parquet(body)
        key = "/".join(part for part in ("published/sales", path, f"{stem}-{number}.parquet") if part)
        cloud.s3.put_object(Bucket=LAKE, Key=key, Body=body.getvalue())
        objects.append(LakeObject(key, len(some), len(body.getvalue())))
        parts = dict(part.split("=", 1) for part in path.split("/") if part)
        counts.append(PartitionCount((values or {}).get(path, parts), path, len(some)))
    account: Manifest = replace(
        MANIFEST,
        source_key=uri,
        run_id=run_id,
        partitions=counts,
        schema=declaration.schema,
        partition_columns=declaration.partition_columns,
        contract_version=declaration.contract_version,
    )
    quarantined = LakeObject(f"quarantine/sales/{stem}-0.parquet", 1, 1)
    return LakeManifest(account, ObjectVersion(RAW, f"sales/{name}.csv", run_id, "01", 1), (*objects, quarantined))


def table(cloud: Cloud) -> Any:
    return load(lake_of(cloud)[1], "sales", S3FileIO(cloud.s3))


def rows(cloud: Cloud, *columns: str) -> list[tuple[Any, ...]]:
    """What pyiceberg with pyarrow reads of the table, sorted."""
    scan = table(cloud).scan(selected_fields=columns or ("*",))
    return sorted((tuple(row.values()) for row in scan.to_arrow().to_pylist()), key=repr)


def snapshots(cloud: Cloud) -> list[dict[str, str]]:
    return [dict(each.summary.additional_properties) for each in table(cloud).snapshots()]
