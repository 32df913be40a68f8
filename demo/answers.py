"""Queries the tables through Athena, and compares them and the ledger with the plan."""

from collections.abc import Iterable
from typing import Any

from cli.stack.athena import select
from cli.stack.connection import Stack
from demo.display import Progress
from samples.planted_damage import Planted

MONTHS = """
SELECT sale_month, count(*) AS lines, count(DISTINCT store_id) AS shops, sum(sales_value) AS dollars
FROM grocery GROUP BY sale_month ORDER BY sale_month"""
PUBLISHED = """
SELECT regexp_replace(_source_key, '^s3://[^/]+/') AS file, count(*) AS lines
FROM (SELECT _source_key FROM grocery UNION ALL SELECT _source_key FROM sales) GROUP BY 1"""
REASONS = """
SELECT regexp_replace(_source_key, '^s3://[^/]+/') AS file, reason, count(*) AS lines
FROM (SELECT _source_key, _reasons FROM grocery_quarantine UNION ALL SELECT _source_key, _reasons FROM sales_quarantine)
CROSS JOIN UNNEST(_reasons) AS reasons (reason)
GROUP BY 1, 2 ORDER BY 1, 2"""
CRAWLED = "sales"


def rows(stack: Stack, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query, run by awswrangler as an analyst would."""
    found: list[dict[str, Any]] = select(stack, sql).to_dict("records")
    return found


def account_differences(ended: Iterable[tuple[Planted, Progress]]) -> list[str]:
    """Return where the ledger's account of an upload differs from the plan."""
    return [
        f"{planted.key}: {name} is {found!r}, planned {wanted!r}"
        for planted, progress in ended
        for name, (wanted, found) in _account(planted, progress.entry).items()
        if wanted != found
    ]


def _account(planted: Planted, entry: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    if planted.rejected_by:
        return {
            "status": ("REJECTED", entry.get("status")),
            "rejected by": (True, planted.rejected_by in entry.get("reasons", {})),
        }
    return {
        "status": ("PUBLISHED", entry.get("status")),
        "rows": (planted.rows_in, entry.get("rows")),
        "published": (planted.published, entry.get("published")),
        "quarantined": (planted.quarantined, entry.get("quarantined")),
        "reasons": (planted.reasons, _counted(entry.get("reasons", {}))),
        "discarded": (planted.discarded, _counted(entry.get("discarded", {}))),
    }


def _counted(counts: dict[str, Any]) -> dict[str, int]:
    return {name: int(rows) for name, rows in counts.items() if rows}


def table_differences(stack: Stack, planned: dict[str, Planted]) -> list[str]:
    """Return where the rows that Athena counts differ from the plan, by file and reason."""
    lines = {(row["file"], ""): int(row["lines"]) for row in rows(stack, PUBLISHED)}
    lines |= {(row["file"], row["reason"]): int(row["lines"]) for row in rows(stack, REASONS)}
    wanted: dict[tuple[str, str], int] = {}
    for key, planted in planned.items():
        if not planted.rejected_by:
            wanted |= {(key, ""): planted.published} | {(key, name): rows for name, rows in planted.reasons.items()}
    wanted = {key: rows for key, rows in wanted.items() if rows}
    return [
        f"{key}: Athena counts {lines.get((key, reason), 0)} rows {reason or 'published'}, "
        f"planned {wanted.get((key, reason), 0)}"
        for key, reason in sorted(lines.keys() | wanted.keys())
        if lines.get((key, reason)) != wanted.get((key, reason))
    ]


def rows_of(stack: Stack, key: str) -> int:
    """Return how many rows of a file a reader of the table grocery sees."""
    (row,) = rows(stack, f"SELECT count(*) AS lines FROM grocery WHERE _source_key = '{stack.uri(key)}'")  # noqa: S608
    return int(row["lines"])


def crawl(stack: Stack) -> tuple[str, tuple[str, ...]]:
    """Return how the last crawl ended, and the partitions of the Parquet table that it looked at."""
    glue = stack.client("glue")
    ended = glue.get_crawler(Name=stack.output("CrawlerName"))["Crawler"].get("LastCrawl", {}).get("Status", "")
    found = glue.get_partitions(DatabaseName=stack.output("DatabaseName"), TableName=CRAWLED)["Partitions"]
    return ended, tuple(sorted("/".join(partition["Values"]) for partition in found))
