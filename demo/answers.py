"""Asks the local Athena what readers see, and compares it with the plan."""

from collections.abc import Iterable
from typing import Any

from cli.commands.query import select
from cli.stack.connection import Stack
from demo.display import Sighting
from samples.planted_damage import Planted

MONTHS = """
SELECT sale_month, count(*) AS lines, count(DISTINCT store_id) AS shops, sum(sales_value) AS dollars
FROM grocery GROUP BY sale_month ORDER BY sale_month"""
PUBLISHED = "SELECT regexp_replace(_source_key, '^s3://[^/]+/') AS file, count(*) AS lines FROM grocery GROUP BY 1"
REASONS = """
SELECT regexp_replace(_source_key, '^s3://[^/]+/') AS file, reason, count(*) AS lines
FROM grocery_quarantine CROSS JOIN UNNEST(_reasons) AS reasons (reason)
GROUP BY 1, 2 ORDER BY 1, 2"""


def rows(stack: Stack, sql: str) -> list[dict[str, Any]]:
    """Return the answer to a query, asked by awswrangler as an analyst would."""
    answer: list[dict[str, Any]] = select(stack, sql).to_dict("records")
    return answer


def wrong_accounts(seen: Iterable[tuple[Planted, Sighting]]) -> list[str]:
    """What the ledger says of each upload and the plan does not."""
    return [
        f"{planted.key}: {name} is {found!r}, planned {wanted!r}"
        for planted, sighting in seen
        for name, (wanted, found) in _account(planted, sighting.entry).items()
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


def wrong_tables(stack: Stack, planned: dict[str, Planted]) -> list[str]:
    """What readers see through Athena and the plan does not say, or the other way round."""
    lines = {(row["file"], ""): int(row["lines"]) for row in rows(stack, PUBLISHED)}
    lines |= {(row["file"], row["reason"]): int(row["lines"]) for row in rows(stack, REASONS)}
    wanted: dict[tuple[str, str], int] = {}
    for key, planted in planned.items():
        if not planted.rejected_by:
            wanted |= {(key, ""): planted.published} | {(key, name): rows for name, rows in planted.reasons.items()}
    wanted = {place: rows for place, rows in wanted.items() if rows}
    return [
        f"{key}: Athena counts {lines.get((key, reason), 0)} rows {reason or 'published'}, "
        f"planned {wanted.get((key, reason), 0)}"
        for key, reason in sorted(lines.keys() | wanted.keys())
        if lines.get((key, reason)) != wanted.get((key, reason))
    ]
