"""Iceberg's part of the protocol in memory: a catalog entry with a version, and a swap of exactly the real one's steps.

Real metadata would be too slow for a hundred thousand states. The commit of a run, its undo, and the removal after a
move are the real code; only sluice.publish.iceberg.commit.swap is replaced. Like that it reads the entry, asks the
ledger, and commits to the version that it has read; when another commit came between, it begins again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sluice.publish import commit as run_commit
from sluice.publish.iceberg import commit as iceberg_commit
from sluice.publish.iceberg.commit import Commit
from sluice.publish.lake import Catalog, Lake, LakeManifest


def swap(
    lake: Lake,
    catalog: Catalog,
    dataset: str,
    wanted: Mapping[str, LakeManifest | None],
    *,
    run_id: str,
    allowed: Callable[[], object],
    always: bool = False,
) -> Commit:
    """Make the entry have the files of the wanted manifests. It knows one key: its files are all of the table's."""
    files = sorted(key for manifest in wanted.values() if manifest for key in manifest.published)
    while True:
        entry = catalog.glue.get_iceberg_entry(Name=dataset)
        allowed()
        if files == entry["Files"] and not always:
            return Commit(0, 0)
        try:
            catalog.glue.update_iceberg_entry(Name=dataset, VersionId=entry["VersionId"], Files=files)
        except catalog.glue.exceptions.ConcurrentModificationException:
            continue
        return Commit(len(files), len(entry["Files"]))


@contextmanager
def in_memory() -> Iterator[None]:
    def require(*_: Any) -> None:
        """The table is there, and its columns stay."""

    with (
        patch.object(run_commit, "swap", swap),
        patch.object(run_commit, "require", require),
        patch.object(iceberg_commit, "swap", swap),
    ):
        yield
