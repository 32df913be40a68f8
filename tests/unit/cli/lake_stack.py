"""A stack of the command over an AWS in this process, with an Iceberg table `sales` and its files."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import polars as pl

from cli.stack.connection import Stack
from sluice.manifest import TableDeclaration
from sluice.publish.iceberg.commit import swap
from tests.unit.cloud import DATABASE, LAKE, Cloud
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, source

SOLD = replace(
    SALES,
    schema=[
        {"name": "item", "type": "string"},
        {"name": "price", "type": "decimal(9,2)"},
        {"name": "sold_at", "type": "timestamp"},
        {"name": "_source_key", "type": "string"},
        {"name": "_run_id", "type": "string"},
        {"name": "_row_number", "type": "bigint"},
    ],
)


def stack() -> Stack:
    return Stack("acme", boto3.Session(), {"LakeBucketName": LAKE, "DatabaseName": DATABASE}, local=False)


def sold(*days: int, price: str = "1.50", item: str = "tea") -> pl.DataFrame:
    """Rows of these days of March 2025, numbered from the last one, so that a file is not in order."""
    rows: list[dict[str, Any]] = [
        {"item": item, "price": price, "sold_at": datetime(2025, 3, day), "_row_number": number}
        for number, day in zip(range(len(days), 0, -1), days, strict=True)
    ]
    return pl.DataFrame(rows).with_columns(pl.col("price").cast(pl.Decimal(9, 2)))


def publish(
    cloud: Cloud, name: str, run: str, rows: pl.DataFrame | None, declaration: TableDeclaration = SOLD
) -> datetime:
    """Replace a source's rows, or take them out; return a time at which readers see it, and no later commit."""
    ensure(*lake_of(cloud), "sales", declaration)
    manifest = None if rows is None else publish_files(cloud, name, run, {"month=2025-03": rows}, declaration)
    swap(*lake_of(cloud), "sales", {source(name): manifest}, run_id=run, allowed=lambda: None)
    time.sleep(0.003)
    seen = datetime.now(UTC)
    time.sleep(0.003)
    return seen
