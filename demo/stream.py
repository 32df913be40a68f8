"""`make demo-stream`: records from PutRecords to the table, the quarantine and the table of minutes.

    python -m demo.stream

RECORDS=n sends n records instead of 100,000. Exit 0: the ledger and the tables account for every record, and the
minutes are those of an independent SQL. 1: they differ.
"""

import os
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from cli.stack.connection import Stack, deployed
from cli.stack.send_records import batches, records, send
from datasets.sentiment import contract
from demo.answers import rows
from demo.display import console
from demo.posts import Expected, expected, make
from local import LocalAWS, deploy
from sluice.aws.dynamodb import plain

ROOT = Path(__file__).parent.parent
STACK = "sluice"
TIMEOUT_SECONDS = 900.0
WAIT_SCALE = 0.2  # windows and deliveries of 12 seconds instead of a minute
DECIDED = ("PUBLISHED", "REJECTED", "FAILED")
LATEST = "SELECT post_id, score FROM sentiment_latest ORDER BY post_id"
MINUTES = """
SELECT date_format(minute, '%Y-%m-%d %H:%i') AS minute, brand, sum(posts) AS posts, sum(score_total) AS total
FROM sentiment_minutes GROUP BY 1, 2 ORDER BY 1, 2"""
COUNTS = "SELECT (SELECT count(*) FROM sentiment) AS rows, (SELECT count(*) FROM sentiment_quarantine) AS bad"


class Stream:
    """Sends records to the stream of a deployed stack, and accounts for them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.sent = 0
        self.first_rows_at: float | None = None  # when the first rows could be queried, of time.monotonic
        self._before: set[tuple[str, str]] = set()
        self._before = {(item["source"], item["version"]) for item in self._items()}

    def send(self, lines: Iterable[bytes]) -> None:
        for batch in batches(records(contract.name, lines)):
            send(self.stack.client("kinesis"), self.stack.output("RecordStreamName"), batch)
            self.sent += len(batch)

    def _items(self) -> list[dict[str, Any]]:
        pages = self.stack.client("dynamodb").get_paginator("scan")
        table = self.stack.ledger_table
        items = [plain(item) for page in pages.paginate(TableName=table, ConsistentRead=True) for item in page["Items"]]
        return [item for item in items if (item["source"], item["version"]) not in self._before]

    def settle(self) -> dict[str, int]:
        """Wait until every record is accounted for; return the account. Raises TimeoutError."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            items = self._items()
            files = [item for item in items if item.get("status") and item.get("dataset") == contract.name]
            minutes = [item for item in items if item.get("status") and item.get("dataset") == "sentiment_minutes"]
            windows = [item for item in items if item["source"].startswith("window://") and "digest" in item]
            if self.first_rows_at is None and any(item["status"] == "PUBLISHED" for item in files):
                self.first_rows_at = time.monotonic()
            known = {item["source"].split("/", 3)[3] for item in minutes if item["status"] in DECIDED}
            arrived = sum(int(item.get("rows", 0)) for item in files if item["status"] in DECIDED)
            counted = sum(int(item["records"]) for item in windows)
            expected_minutes = {item["key"] for item in windows if "key" in item}
            if arrived >= self.sent and counted >= self.sent and known >= expected_minutes:
                return {"files": len(files), "windows": len(windows), "rows": arrived, **_account(files)}
            time.sleep(0.5)
        raise TimeoutError(f"{arrived:,} of {self.sent:,} records are in the ledger, {counted:,} in the windows")

    def tables(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return the latest score of each post, and the minutes."""
        posts = [(row["post_id"], Decimal(str(row["score"]))) for row in rows(self.stack, LATEST)]
        minutes = [
            (row["minute"], row["brand"], int(row["posts"]), Decimal(str(row["total"])))
            for row in rows(self.stack, MINUTES)
        ]
        return posts, minutes


def _account(files: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "published": sum(int(item.get("published", 0)) for item in files),
        "quarantined": sum(int(item.get("quarantined", 0)) for item in files),
        "discarded": sum(int(rows) for item in files for rows in item.get("discarded", {}).values()),
    }


def demonstrate(stream: Stream, sent: list[bytes]) -> list[str]:
    """Send records, then the same again; return the differences from the expected result."""
    wanted = expected(sent)
    started = time.monotonic()
    stream.send(sent)
    took = time.monotonic() - started
    console.print(f"{len(sent):,} records sent in {took:.1f} s; {len(sent) - wanted.valid:,} of them damaged")
    account = stream.settle()
    posts, minutes = stream.tables()
    first, last = (stream.first_rows_at or started) - started, time.monotonic() - started
    console.print(f"first rows in Athena {first:.1f} s after the first PutRecords, all after {last:.1f} s: {account}")
    differences = account_differences(stream, account, len(sent), wanted) + table_differences(posts, minutes, wanted)
    stream.send(sent)
    account = stream.settle()
    again = stream.tables()
    console.print(f"the same records again: {account}")
    return (
        differences
        + account_differences(stream, account, 2 * len(sent), wanted, times=2)
        + [f"after the same records again, {line}" for line in table_differences(*again, wanted)]
    )


def account_differences(
    stream: Stream, account: dict[str, int], sent: int, wanted: Expected, times: int = 1
) -> list[str]:
    (counted,) = rows(stream.stack, COUNTS)
    facts = {
        "published + quarantined + discarded": (
            account["published"] + account["quarantined"] + account["discarded"],
            sent,
        ),
        "quarantined": (account["quarantined"], sent - times * wanted.valid),
        "rows in Athena": (int(counted["rows"]), account["published"]),
        "quarantined rows in Athena": (int(counted["bad"]), account["quarantined"]),
    }
    return [f"{name}: {found:,}, expected {right:,}" for name, (found, right) in facts.items() if found != right]


def table_differences(posts: list[tuple[Any, ...]], minutes: list[tuple[Any, ...]], wanted: Expected) -> list[str]:
    pairs = {"latest posts": (posts, wanted.latest), "minutes": (minutes, wanted.minutes)}
    return [
        f"{name}: {len(set(found) ^ set(right))} of {len(right)} rows differ, such as {min(set(found) ^ set(right))}"
        for name, (found, right) in pairs.items()
        if found != right
    ]


def main() -> int:
    """Return the exit code."""
    count = int(os.environ.get("RECORDS") or 100_000)
    with LocalAWS(wait_scale=WAIT_SCALE) as aws:
        deploy(aws, ROOT / "template.yaml", stack=STACK, parameters={"Streaming": "yes"})
        differences = demonstrate(Stream(deployed(aws.session(), STACK)), make(count))
    for line in differences:
        console.print(f"[bold red]different[/] {line}", soft_wrap=True)
    if not differences:
        console.print("[bold green]Every record is accounted for[/], and the minutes equal those of an independent SQL")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
