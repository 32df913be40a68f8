"""The stream of Sluice on this machine: records go from PutRecords to the table, to quarantine and into minutes.

    python -m demo.stream            (make demo-stream)

RECORDS=n sends so many instead of 100,000. Exit 0 only when the ledger and the tables account for every record, and the
counts by the minute are those of an independent SQL.
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
PATIENCE_SECONDS = 900.0
WAIT_SCALE = 0.2  # windows and deliveries of 12 seconds instead of a minute
DECIDED = ("PUBLISHED", "REJECTED", "FAILED")
NEWEST = "SELECT post_id, score FROM sentiment_latest ORDER BY post_id"
MINUTES = """
SELECT date_format(minute, '%Y-%m-%d %H:%i') AS minute, brand, sum(posts) AS posts, sum(score_total) AS total
FROM sentiment_minutes GROUP BY 1, 2 ORDER BY 1, 2"""
COUNTS = "SELECT (SELECT count(*) FROM sentiment) AS rows, (SELECT count(*) FROM sentiment_quarantine) AS bad"


class Stream:
    """The stream of one deployed stack, and what became of the records sent to it by this object."""

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
        deadline = time.monotonic() + PATIENCE_SECONDS
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
        raise TimeoutError(f"{arrived:,} of {self.sent:,} records have arrived, {counted:,} are counted")

    def tables(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return what readers see: the latest score of each post, and the minutes."""
        posts = [(row["post_id"], Decimal(str(row["score"]))) for row in rows(self.stack, NEWEST)]
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
    """Send records, then the same again; return what is not as it should be."""
    wanted = expected(sent)
    begun = time.monotonic()
    stream.send(sent)
    took = time.monotonic() - begun
    console.print(f"{len(sent):,} records sent in {took:.1f} s; {len(sent) - wanted.sound:,} of them damaged")
    account = stream.settle()
    posts, minutes = stream.tables()
    first, last = (stream.first_rows_at or begun) - begun, time.monotonic() - begun
    console.print(f"first rows in Athena {first:.1f} s after the first PutRecords, all after {last:.1f} s: {account}")
    wrong = wrong_accounts(stream, account, len(sent), wanted) + wrong_tables(posts, minutes, wanted)
    stream.send(sent)
    account = stream.settle()
    again = stream.tables()
    console.print(f"the same records again: {account}")
    return (
        wrong
        + wrong_accounts(stream, account, 2 * len(sent), wanted, times=2)
        + [f"after the same records again, {line}" for line in wrong_tables(*again, wanted)]
    )


def wrong_accounts(stream: Stream, account: dict[str, int], sent: int, wanted: Expected, times: int = 1) -> list[str]:
    (seen,) = rows(stream.stack, COUNTS)
    facts = {
        "published + quarantined + discarded": (
            account["published"] + account["quarantined"] + account["discarded"],
            sent,
        ),
        "quarantined": (account["quarantined"], sent - times * wanted.sound),
        "rows in Athena": (int(seen["rows"]), account["published"]),
        "quarantined rows in Athena": (int(seen["bad"]), account["quarantined"]),
    }
    return [f"{name}: {found:,}, should be {right:,}" for name, (found, right) in facts.items() if found != right]


def wrong_tables(posts: list[tuple[Any, ...]], minutes: list[tuple[Any, ...]], wanted: Expected) -> list[str]:
    pairs = {"latest posts": (posts, wanted.latest), "minutes": (minutes, wanted.minutes)}
    return [
        f"{name}: {len(set(found) ^ set(right))} of {len(right)} rows differ, such as {min(set(found) ^ set(right))}"
        for name, (found, right) in pairs.items()
        if found != right
    ]


def main() -> int:
    """Returns the exit code: 0 all accounted for, 1 not."""
    count = int(os.environ.get("RECORDS") or 100_000)
    with LocalAWS(wait_scale=WAIT_SCALE) as aws:
        deploy(aws, ROOT / "template.yaml", stack=STACK, parameters={"Streaming": "yes"})
        wrong = demonstrate(Stream(deployed(aws.session(), STACK)), make(count))
    for line in wrong:
        console.print(f"[bold red]not so[/] {line}", soft_wrap=True)
    if not wrong:
        console.print("[bold green]Every record is accounted for[/], and the minutes are those of an independent SQL")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
