"""A table of a test that is compacted, with the means to change it as runs do."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sluice.maintain.copy_on_write import rewrite
from sluice.maintain.merge import merge
from sluice.publish.iceberg.commit import Commit, swap
from sluice.publish.iceberg.compaction import Compaction, compact
from sluice.publish.lake import LakeManifest
from tests.unit.cloud import LAKE, Cloud
from tests.unit.publish.iceberg.table_files import lake_of, publish_files, rows, source, table

DAY = 86_400
NAMES = "abcdef"


def march(cloud: Cloud, name: str, run_id: str, *quantities: int, month: str = "2025-03") -> LakeManifest:
    return publish_files(
        cloud, name, run_id, {f"month={month}": [{"item": "tea", "quantity": each} for each in quantities]}
    )


def commit(
    cloud: Cloud,
    *manifests: LakeManifest,
    run_id: str = "run-1",
    without: tuple[str, ...] = (),
    allowed: Callable[[], object] = lambda: None,
    always: bool = False,
) -> Commit:
    lake, catalog = lake_of(cloud)
    wanted: dict[str, LakeManifest | None] = {each.account.source_key: each for each in manifests}
    wanted |= dict.fromkeys(map(source, without))
    lake = replace(lake, rewrite=rewrite)
    return swap(lake, catalog, "sales", wanted, run_id=run_id, allowed=allowed, always=always)


def compacted(cloud: Cloud, *, days: float = 2, writes: Any = merge, **how: Any) -> list[Compaction]:
    """Compact as so many days from now."""
    return list(compact(*lake_of(cloud), "sales", writes, now=time.time() + days * DAY, **how))


def quantities(cloud: Cloud) -> list[tuple[Any, ...]]:
    return rows(cloud, "quantity", "_source_key", "_run_id")


def files(cloud: Cloud) -> list[str]:
    """The names of the table's files, sorted."""
    return sorted(task.file.file_path.rpartition("/")[2] for task in table(cloud).scan().plan_files())


def delete(cloud: Cloud, manifest: LakeManifest) -> None:
    for key in manifest.published:
        cloud.s3.delete_object(Bucket=LAKE, Key=key)
