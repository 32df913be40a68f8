"""The latest row of each key over all files of a table: what a dataset's readers want whose records come repeatedly.

A file's own duplicates are discarded when it is cleaned; those of other files stand in the table, each with its source.
"""

from collections.abc import Iterable


def latest(table: str, columns: Iterable[str], *, key: Iterable[str], by: str | None) -> str:
    """Return the SELECT, in Athena's SQL: of the rows with one key the one with the largest `by` wins.

    A missing one counts as oldest; among equals, and without `by`, the last row of the last file wins.
    """
    latest = f"{_quoted(by)} DESC NULLS LAST, " if by else ""
    return (
        f"SELECT {_listed(columns)} FROM (SELECT *, row_number() OVER (PARTITION BY {_listed(key)} "  # noqa: S608
        f"ORDER BY {latest}_source_key DESC, _row_number DESC) AS _latest_first FROM {_quoted(table)}) "  # (quoted)
        "WHERE _latest_first = 1"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    """Names match naming.NAME, so there is nothing to escape; some are words of SQL."""
    return f'"{name}"'
