"""Shows what a corrected export changes, and refuses corrections of rows that are not in quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.repair.rewrite import CorrectedRow
from cli.stack.athena import chunks
from cli.stack.connection import Stack
from cli.stack.history import Entry
from cli.terminal.listing import Listing
from cli.terminal.output import quoted
from sluice.contract import registry
from sluice.contract.declarations import MASK
from sluice.contract.model import Contract
from sluice.errors import SluiceError
from sluice.publish.sql import identifier, literal
from sluice.validate.validator import column_of

_MOST = 50
_DIGITS = str.maketrans("", "", "0123456789")


class NotInQuarantine(SluiceError):
    """An export names a row that is not in quarantine: a changed row number would overwrite a good row."""


@dataclass(frozen=True)
class Change:
    """One changed cell of one row. column: empty for the text of a row that could not be split."""

    key: str
    row_number: int
    column: str
    before: str
    after: str
    warning: str


def changes(
    stack: Stack, corrected: Mapping[tuple[str, str], Mapping[int, CorrectedRow]], heads: Mapping[str, Entry]
) -> list[Change]:
    """Return every changed cell, in the order of the files and rows. heads: the head items of the keys in the ledger.

    A file of which another version is published by now is left out: nothing of its export can be published.
    Raises NotInQuarantine for a row that the quarantine table does not have of this file now.
    """
    found = []
    for (uri, version), rows in corrected.items():
        if heads.get(uri, {}).get("published_version") != version:
            continue
        key = stack.key(uri)
        contract = registry.load(registry.match(key).dataset)
        standing = _quarantined(stack, contract.name, uri, rows)
        for number, row in sorted(rows.items()):
            if number not in standing:
                raise NotInQuarantine(
                    f"row {number:,} of {key} is not in quarantine: was its _row_number changed? Export the rows again"
                )
            found += _changes(contract, key, number, standing[number], row)
    return found


def _quarantined(stack: Stack, dataset: str, uri: str, wanted: Mapping[int, CorrectedRow]) -> dict[int, dict[str, Any]]:
    """Return the wanted rows of the quarantine table by row number, `_reasons` joined by blanks."""
    table = identifier(f"{dataset}_quarantine")
    sql = f"SELECT *, array_join(_reasons, ' ') AS _joined FROM {table} WHERE _source_key = ?"  # noqa: S608 (quoted)
    found: dict[int, dict[str, Any]] = {}
    for rows in chunks(stack, sql, [literal(uri)]):
        for row in rows[rows["_row_number"].isin(list(wanted))].to_dict(orient="records"):
            found[int(row["_row_number"])] = row
    return found


def _changes(contract: Contract, key: str, number: int, old: Mapping[str, Any], new: CorrectedRow) -> list[Change]:
    if not any(new.cells.values()):
        before = _text(old["_raw"])
        return [Change(key, number, "", before, new.raw, "")] if new.raw not in ("", MASK, before) else []
    blamed = {column_of(contract, reason) for reason in str(old["_joined"]).split()}
    cells = [(name, _text(old.get(name)), text) for name, text in new.cells.items()]
    return [
        Change(key, number, name, before, after, _warning(name, before, after, blamed))
        for name, before, after in cells
        if after not in (before, MASK)
    ]


def _warning(column: str, before: str, after: str, blamed: set[str]) -> str:
    """Return what makes a change suspect: a spreadsheet changes cells that nobody has touched."""
    if before.lstrip("0") == after and before != after:
        return "leading zeros lost"
    if column in blamed or "_raw" in blamed:
        return ""
    if before.translate(_DIGITS) != after.translate(_DIGITS) and sorted(_numbers(before)) == sorted(_numbers(after)):
        return "written differently, no reason names this column"
    return "no reason names this column"


def _numbers(text: str) -> list[str]:
    return "".join(char if char.isdigit() else " " for char in text).split()


def _text(cell: Any) -> str:
    return "" if cell is None or cell != cell else str(cell)


def listing(found: Sequence[Change]) -> Listing:
    """Return the changed cells for people, suspect ones first, at most 50."""
    listed = Listing(("file", "row", "column", "was", "becomes", "warning"), right=("row",), prose=("warning",))
    for each in sorted(found, key=lambda change: not change.warning)[:_MOST]:
        before, after = quoted(each.before), quoted(each.after)
        listed.add_row(each.key, f"{each.row_number:,}", each.column, before, after, each.warning)
    return listed
