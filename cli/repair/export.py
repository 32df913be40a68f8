"""Exports quarantined rows as a CSV to correct."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack import history
from cli.stack.athena import chunks
from cli.stack.connection import Stack
from sluice.publish.sql import literal
from sluice.runtime.text import quoted

if TYPE_CHECKING:
    from pandas import DataFrame

LINEAGE = ("_source_key", "_version", "_row_number", "_reasons", "_raw")
"""The columns of an export that identify a row and give its reasons; the file's own columns follow."""


def export_rows(stack: Stack, dataset: str, path: Path, *, reason: str | None, source: str | None) -> int:
    """Write the quarantined rows and return how many; without any there is no file."""
    conditions, parameters = ["1 = 1"], []
    if reason:
        conditions.append("contains(_reasons, ?)")
        parameters.append(literal(reason))
    if source:
        conditions.append("_source_key = ?")
        parameters.append(literal(stack.uri(source)))
    sql = (
        f"SELECT *, array_join(_reasons, '; ') AS _joined_reasons FROM \"{dataset}_quarantine\" "  # noqa: S608 (a dataset's name)
        f"WHERE {' AND '.join(conditions)} ORDER BY _source_key, _row_number"
    )
    total = 0
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        for rows in _with_versions(stack, chunks(stack, sql, parameters)):
            ordered = [
                *LINEAGE,
                *(name for name in rows.columns if name not in (*LINEAGE, "_joined_reasons", "_run_id")),
            ]
            for name in (*ordered[len(LINEAGE) :], "_raw"):
                rows[name] = rows[name].map(quoted, na_action="ignore")
            rows.to_csv(file, columns=ordered, index=False, header=total == 0)
            total += len(rows)
    unfinished.replace(path) if total else unfinished.unlink()
    return total


def _with_versions(stack: Stack, chunks_of_rows: Iterable["DataFrame"]) -> Iterator["DataFrame"]:
    """Add the version of the file to each row. Rows of an unfinished publication are left out."""
    for rows in chunks_of_rows:
        heads = history.heads(stack, set(rows["_source_key"]))
        known = {uri: (head.get("published_run"), head.get("published_version")) for uri, head in heads.items()}
        of = [known.get(uri, (None, None)) for uri in rows["_source_key"]]
        rows["_version"] = [version for _, version in of]
        rows["_reasons"] = rows["_joined_reasons"]
        yield rows[[run == found for (run, _), found in zip(of, rows["_run_id"], strict=True)]]
