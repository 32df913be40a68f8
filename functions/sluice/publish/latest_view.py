"""The query of the view NAME_latest: the latest row of each key over all files of a table.

Duplicates within a file are discarded when it is cleaned; the table has those of different files.
"""

from collections.abc import Iterable

from sluice.publish.sql import identifier


def latest(table: str, columns: Iterable[str], *, key: Iterable[str], by: str | None) -> str:
    """Return the SELECT, in Athena's SQL: of the rows with one key, the one with the largest `by`.

    A missing `by` counts as oldest; among equals, and without `by`, the last row of the last file is the latest.
    """
    latest = f"{identifier(by)} DESC NULLS LAST, " if by else ""
    return (
        f"SELECT {_listed(columns)} FROM (SELECT *, row_number() OVER (PARTITION BY {_listed(key)} "  # noqa: S608
        f"ORDER BY {latest}_source_key DESC, _row_number DESC) AS _latest_first FROM {identifier(table)}) "  # (quoted)
        "WHERE _latest_first = 1"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(identifier, names))
