"""A key of which one version is published and the next one on its way, and what readers see of it."""

import polars as pl

from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import Ledger
from tests.unit.cloud import DATABASE, LEDGER, Cloud
from tests.unit.sales_rows import as_csv

MARCH, APRIL, MAY = {"sale_date": "2025-03-05"}, {"sale_date": "2025-04-05"}, {"sale_date": "2025-05-05"}
BAD = {"channel": "fax"}
GOOD = [{}] * 6
FIRST = as_csv(*GOOD, MARCH, APRIL)
SECOND = as_csv(*GOOD, APRIL, MAY, MAY, BAD)
"""It has a month and a quarantine that the versions before and after it have not, and one month with each of them."""
THIRD = as_csv(*GOOD, MAY)
ERROR = {"Error": "Test", "Cause": "a test"}


def rows(cloud: Cloud, source: ObjectVersion, dataset: str = "sales") -> list[tuple[str, str, int]]:
    """(month, run, rows) of one key, as readers see them."""
    table = cloud.table(dataset)
    if table.is_empty():
        return []
    mine = table.filter(pl.col("_source_key") == source.uri)
    return sorted(mine.group_by("sale_month", "_run_id").len().rows())


def objects(cloud: Cloud) -> dict[str, str]:
    """Object → version id of all files of the tables."""
    return {key: version for key, version in cloud.stand().items() if not key.startswith("manifests/")}


def partitions(cloud: Cloud, dataset: str = "sales") -> set[str]:
    """The first value of each partition that the catalog has."""
    found = cloud.glue.get_partitions(DatabaseName=DATABASE, TableName=dataset)["Partitions"]
    return {partition["Values"][0] for partition in found}


def published_then_changed(cloud: Cloud, key: str, *, until: str) -> tuple[ObjectVersion, ObjectVersion]:
    """Publish FIRST under a key, then take SECOND up to a state."""
    first = cloud.put(key, FIRST, "01")
    cloud.run(first)
    second = cloud.put(key, SECOND, "02")
    cloud.run(second, until=until)
    return first, second


def fail(cloud: Cloud, source: ObjectVersion) -> None:
    cloud.step("undo", source, error=ERROR)


def later(cloud: Cloud) -> Ledger:
    """The ledger when every lease of now has ended."""
    return Ledger(cloud.dynamodb, LEDGER, clock=lambda: 4e9)
