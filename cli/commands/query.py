"""`sluice query`: runs SQL over the tables, in Athena."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.stack.athena import require_local_group, select
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson

if TYPE_CHECKING:
    from pandas import DataFrame

_FORMATS = (".csv", ".parquet")


def query(
    sql: Annotated[
        str, typer.Argument(help="One statement of Athena's SQL, a table's name, or - to read it from standard input.")
    ],
    when: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME|TAG", help="Read Iceberg tables as of 36h, 7d, a date, a time or a tag."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write the result to: .csv or .parquet.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to print.")] = 50,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Run SQL over the published and the quarantine tables.

    It runs in the stack's workgroup, which limits the bytes that a query may scan. A table is named like its dataset,
    its quarantine DATASET_quarantine. Every row has its origin: _source_key, _run_id, _row_number. With --as-of it
    reads what readers saw then; times without an offset are UTC.

    Exit 0: done. 2: Athena refused the query, a table has no snapshot of then, or no stack.

    Example: sluice query "SELECT sale_month, count(*) FROM sales GROUP BY 1"

    Example: sluice query "SELECT * FROM sales" --out sales.parquet

    Example: sluice query grocery --as-of 2025-03-31T18:00
    """
    if out and out.suffix not in _FORMATS:
        raise typer.BadParameter(f"{out} must end in one of {', '.join(_FORMATS)}", param_hint="--out")
    where = connect(stack, profile, region)
    text = typer.get_text_stream("stdin").read() if sql == "-" else sql
    if re.fullmatch(r"\w+", text):
        text = f'SELECT * FROM "{text}"' + ("" if out or as_json else f" LIMIT {limit}")  # noqa: S608 (a name alone)
    if when:
        text = _as_of(where, text, when)
    with output.status("running the query"):
        rows = select(where, text)
    if out:
        rows.to_csv(out, index=False) if out.suffix == ".csv" else rows.to_parquet(out, index=False)
        if as_json:
            output.print_json({"rows": len(rows), "out": str(out)})
        else:
            output.out.print(f"{output.rows(len(rows))} in {out}", highlight=False)
    elif as_json:
        output.print_json(_plain(rows.to_dict(orient="records")))
    else:
        _print(rows, limit)


def _as_of(stack: Stack, sql: str, when: str) -> str:
    require_local_group()
    from cli.stack.as_of import as_of  # sqlglot is of the group, too

    return as_of(stack, sql, when)


def _print(rows: "DataFrame", limit: int) -> None:
    shown = Listing(tuple(str(name) for name in rows.columns), right=_numbers(rows))
    for row in rows.head(limit).itertuples(index=False):
        shown.add_row(*(Text(_cell(cell)) for cell in row))
    shown.print(output.out)
    more = len(rows) - limit
    output.out.print(
        output.rows(len(rows)) + (f", {more:,} not shown: --limit, or --out" if more > 0 else ""), style="dim"
    )


def _numbers(rows: "DataFrame") -> tuple[str, ...]:
    return tuple(str(name) for name, kind in rows.dtypes.items() if str(kind).lower().startswith(("int", "float")))


def _cell(value: Any) -> str:
    return "" if value is None or str(value) in ("<NA>", "NaT", "nan") else str(value)


def _plain(value: Any) -> Any:
    """Return a cell as JSON can write it: null for what has no value, and for numbers that are infinite or none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if hasattr(value, "tolist"):  # NumPy's
        return _plain(value.tolist())
    if isinstance(value, list):
        return [_plain(each) for each in value]
    is_none = str(value) in ("<NA>", "NaT") or (isinstance(value, float) and not math.isfinite(value))
    return None if is_none else value
