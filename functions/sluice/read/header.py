"""The header of a file against the contract: which column is which, or why the file cannot be read."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from sluice.contract.declarations import MASK
from sluice.contract.model import EXTRA, Contract
from sluice.errors import FileRejected
from sluice.read.schema_drift import Drift, of_header
from sluice.runtime.text import trimmed

_SHOWN = 5
_TYPOGRAPHIC = "\u201c\u201d\u201e\u201f"


@dataclass(frozen=True)
class Header:
    """Where each declared column is. positions: contract column → index, without optional ones that the file lacks;
    unknown: undeclared names → index; drift: how the header differs from the contract.
    """

    positions: dict[str, int]
    unknown: dict[str, int]
    drift: list[Drift] = field(default_factory=list)

    def select(self, contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
        """Return a reader's rows under the contract's column names, with `_extra` when the contract keeps it.

        rows: the file's columns in the file's order (String), then `_row_number`.
        """
        names = rows.columns
        columns = [
            pl.col(names[self.positions[name]]).alias(name)
            if name in self.positions
            else pl.lit(None, dtype=pl.String).alias(name)
            for name in contract.file_columns
        ]
        if contract.extra:
            columns.append(
                pl.col(EXTRA)
                if contract.reads_objects
                else _extra({name: names[at] for name, at in self.unknown.items()})
            )
        return rows.select_seq(*columns, "_row_number")


def _extra(unknown: dict[str, str]) -> pl.Expr:
    if not unknown:
        return pl.lit(None, dtype=pl.String).alias(EXTRA)
    return pl.struct(pl.col(column).alias(name) for name, column in unknown.items()).struct.json_encode().alias(EXTRA)


def match_header(contract: Contract, names: list[str], preview: list[str] | None = None) -> Header:
    """Match the file's column names, trimmed and in any case, to the contract's columns and aliases.

    preview: the file's first lines, to say where a header seems to be when the first line is none.
    Raises FileRejected: header_is_present, header_has_no_duplicates, header_has_every_column,
    header_has_no_unknown_column.
    """
    known = _known(contract)
    found = [known.get(trimmed(name).lower()) for name in names]
    if not any(found):
        raise _no_header(contract, names, preview or [])
    names = _reportable(contract, names, found)
    _refuse_duplicates(contract, names, found)
    missing = [name for name in contract.file_columns if name not in found]
    unknown = {name: at for at, name in enumerate(names) if found[at] is None}
    drifted = of_header(contract, missing, unknown)
    _refuse_missing([name for name in missing if name not in contract.reading.optional], unknown, drifted)
    if unknown and contract.reading.unknown_columns == "reject":
        raise FileRejected(
            "header_has_no_unknown_column",
            f"the header (line 1) has columns that the contract does not know: {_listed(list(unknown))}. "
            "Remove them, or set unknown_columns to ignore or keep",
        )
    return Header({name: found.index(name) for name in contract.file_columns if name in found}, unknown, drifted)


def header_drift(contract: Contract, names: list[str]) -> list[Drift]:
    """Return how a header differs from the contract, also when the file is rejected for it."""
    known = _known(contract)
    found = [known.get(trimmed(name).lower()) for name in names]
    names = _reportable(contract, names, found)
    missing = [name for name in contract.file_columns if name not in found]
    unknown = {name: at for at, name in enumerate(names) if found[at] is None}
    return of_header(contract, missing, unknown) if any(found) else []


def _reportable(contract: Contract, names: list[str], found: list[str | None]) -> list[str]:
    """Return the names as reports may show them.

    Where a contract is about people, a line 1 with less than half of its columns is taken for a row of a file
    without a header: its unknown names are masked, each with its position.
    """
    if not contract.personal or 2 * len({*found} - {None}) >= len(contract.file_columns):
        return names
    return [name if found[at] else f"{MASK} (column {at + 1})" for at, name in enumerate(names)]


def _known(contract: Contract) -> dict[str, str]:
    """Return the names that a file may use, in lower case → the contract's columns."""
    known = {name.lower(): name for name in contract.file_columns}
    return known | {alias.lower(): name for alias, name in contract.reading.aliases.items()}


def _refuse_missing(missing: list[str], unknown: dict[str, int], drifted: list[Drift]) -> None:
    if not missing:
        return
    renamed = [drift.message for drift in drifted if drift.kind == "renamed" and drift.column in missing]
    hint = f"; undeclared columns: {_listed(list(unknown))}" if unknown else ""
    raise FileRejected(
        "header_has_every_column",
        f"the header (line 1) lacks {_listed(missing)}{hint}. Add the column, or declare an alias"
        + "".join(f". {message}" for message in renamed[:_SHOWN]),
    )


def _refuse_duplicates(contract: Contract, names: list[str], found: list[str | None]) -> None:
    """Refuse two columns of one name, where what they hold is wanted: columns that are ignored cannot clash."""
    kept = contract.reading.unknown_columns == "keep"
    counts = Counter(known or trimmed(name).lower() for known, name in zip(found, names, strict=True) if known or kept)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise FileRejected(
            "header_has_no_duplicates",
            f"the header (line 1) names {_listed(twice)} more than once. Which one holds cannot be guessed",
        )


def _no_header(contract: Contract, names: list[str], preview: list[str]) -> FileRejected:
    delimiter = contract.reading.format.delimiter
    columns = {name.lower() for name in contract.file_columns}
    for number, line in enumerate(preview, start=1):
        for other in (delimiter, ",", ";", "\t", "|"):
            if len(columns & {trimmed(name).strip('"').lower() for name in line.split(other)}) * 2 <= len(columns):
                continue
            if other != delimiter:
                return FileRejected(
                    "delimiter_is_as_declared",
                    f"line {number} is the header with {other!r} between the columns, the contract says "
                    f"{delimiter!r}. Send it so, or change the contract's TextFormat",
                )
            return FileRejected(
                "header_is_first_line",
                f"the header is on line {number}, below other text. Remove the lines above it, "
                f"or declare TextFormat(skip_lines={number - 1})",
            )
    if columns & {name.strip(_TYPOGRAPHIC).lower() for name in names}:
        return FileRejected(
            "header_has_straight_quotes",
            "the header's names stand in typographic quotes, which quote nothing. Write straight ones",
        )
    return FileRejected(
        "header_is_present",
        f"line 1 has none of the contract's columns but {_listed(_reportable(contract, names, [None] * len(names)))}. "
        f"The first line must name the columns: {_listed(list(contract.file_columns), 20)}",
    )


def _listed(names: list[str], most: int = _SHOWN) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")
