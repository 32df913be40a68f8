"""Versions of one key, and the states of the machine on them as calls of the real code, without the handlers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sluice.aws.dynamodb import Items
from sluice.aws.object_keys import file_stem
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import CLEANING, RECEIVED, Ledger
from sluice.ledger.runs import Task
from sluice.manifest import Manifest, PartitionCount, StagedFile
from sluice.publish import commit, inventory, publisher, remove
from sluice.publish.lake import Catalog, Lake, LakeManifest, read_manifest
from tests.property.protocol.catalog_entry import in_memory
from tests.property.protocol.clients import get_item
from tests.property.protocol.explorer import RAW, WORK

LAKE, DATABASE = "lake", "acme"
MONTHS = {1: ("01",), 2: ("01", "02"), 3: ("02",), 4: ("01",), 5: ("02",)}
QUARANTINED = {1: 1, 2: 0, 3: 0, 4: 0, 5: 0}
LEASE_SECONDS = 100
STATES = ("claim", "publish", "complete", "remove")
ICEBERG_STATES = ("claim", "publish", "commit", "complete", "remove")
LATER = 10_000.0
"""A clock by which every lease has ended."""


class _InTurn:
    """Threads that do one thing after another: their order is the explorer's."""

    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> "_InTurn":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, function: Callable[..., Any], *iterables: Any) -> list[Any]:
        return [function(*each) for each in zip(*iterables, strict=False)]


@contextmanager
def in_turn() -> Iterator[None]:
    with (
        patch.object(Items, "get", get_item),
        patch.object(publisher, "ThreadPoolExecutor", _InTurn),
        patch.object(inventory, "ThreadPoolExecutor", _InTurn),
        in_memory(),
    ):
        yield


assert publisher.ThreadPoolExecutor is inventory.ThreadPoolExecutor is ThreadPoolExecutor


def version(number: int) -> ObjectVersion:
    return ObjectVersion(RAW, "sales/S1/2025-03-05.csv", f"v{number}", f"0{number}", 10)


def task(number: int) -> Task:
    return Task(f"r{number}", "sales", version(number))


def account(number: int) -> Manifest:
    """What cleaning says of a version: a row in each of its months, and perhaps a quarantined one."""
    stem = file_stem(f"r{number}", version(number))
    files = [StagedFile(f"published/m={month}/{stem}-0.parquet", 1, 3) for month in MONTHS[number]]
    quarantine = [StagedFile(f"quarantine/{stem}-0.parquet", 1, 3)] * QUARANTINED[number]
    columns = [{"name": "id", "type": "string"}]
    return Manifest(
        dataset="sales",
        contract_version=1,
        engine="polars",
        run_id=f"r{number}",
        source_key=version(number).uri,
        source_version=f"v{number}",
        rows_in=len(files) + len(quarantine),
        published=len(files),
        quarantined=len(quarantine),
        discarded={},
        reasons={},
        partitions=[PartitionCount({"m": month}, f"m={month}", 1) for month in MONTHS[number]],
        files=files,
        quarantine_files=quarantine,
        schema=columns,
        quarantine_schema=columns,
        partition_columns=[{"name": "m", "type": "string"}],
        statistics={},
        bytes_in=10,
        bytes_out=3,
        seconds=1.0,
        peak_rss_bytes=1,
    )


@dataclass(frozen=True)
class Steps:
    """The states of the machine on one key, as calls of the real code. now: seconds of the clock."""

    clients: Any
    now: float = 0.0

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.clients, "ledger", clock=lambda: self.now)

    @property
    def lake(self) -> Lake:
        return Lake(self.clients, LAKE)

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.clients, DATABASE)

    def accept(self, number: int) -> None:
        self.ledger.receive(version(number))
        self.ledger.accept(version(number), run_id=f"r{number}", dataset="sales")

    def claim(self, number: int) -> None:
        self.ledger.claim(version(number), run_id=f"r{number}", lease_seconds=LEASE_SECONDS, engine="polars")

    def publish(self, number: int) -> None:
        self.ledger.hold(version(number), run_id=f"r{number}", lease_seconds=LEASE_SECONDS)
        publisher.publish(self.lake, self.catalog, self.ledger, task(number), work_bucket=WORK)

    def commit(self, number: int) -> None:
        run = {"run_id": f"r{number}", "dataset": "sales", "sources": [version(number)]}
        commit.commit(self.lake, self.catalog, self.ledger, **run)

    def complete(self, number: int) -> None:
        manifest = read_manifest(self.lake, LakeManifest.of(account(number), version(number)).key)
        facts = {"published": manifest.account.published}
        self.ledger.complete(version(number), run_id=f"r{number}", manifest=manifest.key, **facts)

    def remove(self, number: int) -> None:
        remove.remove_replaced(self.lake, self.catalog, self.ledger, version(number))

    def undo(self, number: int) -> None:
        remove.undo(self.lake, self.catalog, self.ledger, task(number), error="Test", cause="")

    def reopen(self, number: int) -> None:
        """As a redrive does, before its run, which has another id, begins."""
        self.ledger.reopen(version(number))

    def recover(self, number: int) -> None:
        """As Recover does: undo what is undecided, and remove what a run that died has replaced."""
        entry = self.ledger.entry(version(number))
        if entry.get("run_id") == f"r{number}" and entry.get("status") in (RECEIVED, CLEANING):
            self.undo(number)
        self.remove(number)
