"""Compares two outcomes of cleaning one file, row by row: two output folders, or a folder and the oracle.

python -m samples.compare OUT_A OUT_B            two folders that `sluice clean` wrote
python -m samples.compare OUT_A FILE.csv         a folder and what the SQL says about the sales file
"""

import argparse
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from samples.oracle import Oracle
from samples.outcome import Counts

SHOWN_ROWS = 5
LINEAGE = ("_source_key", "_run_id")
OF_THE_ENGINE = ("engine", "seconds", "peak_rss_bytes", "bytes_out", "notes", "files", "quarantine_files")
"""What a manifest says of the work and not of the rows."""


@dataclass(frozen=True)
class Difference:
    """lines: what differs, to read. rows: how many rows one side has and the other has not, in both tables."""

    lines: list[str]
    rows: int


def differences(left: Path | Oracle, right: Path | Oracle) -> list[str]:
    """What differs between two outcomes, as lines to read; empty when they are the same."""
    return difference(left, right).lines


def difference(left: Path | Oracle, right: Path | Oracle) -> Difference:
    """What differs between two outcomes.

    Compared are the counts of the manifest, every column of the published rows, and of the quarantined rows the
    row number, the reasons, the text columns and the raw text. Where a row comes from and which run wrote it is
    not compared.
    """
    # Millions of rows may not fit into memory, and DuckDB would spill them into the folder that it runs in.
    with TemporaryDirectory() as spilled, duckdb.connect(config={"temp_directory": spilled}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        counts = [_gathered(connection, name, side) for name, side in (("left", left), ("right", right))]
        tables = [_row_difference(connection, table) for table in ("published", "quarantine")]
        lines = [*_count_differences(*counts), *(line for table in tables for line in table.lines)]
        return Difference(lines, sum(table.rows for table in tables))


def manifest_differences(left: Path, right: Path) -> list[str]:
    """What two manifests of `sluice clean` say differently of the same rows: counts, types, statistics."""
    ours, theirs = (json.loads((folder / "manifest.json").read_text()) for folder in (left, right))
    names = [name for name in ours if name not in OF_THE_ENGINE]
    return [f"{name}: {ours[name]} against {theirs[name]}" for name in names if ours[name] != theirs[name]]


def _gathered(connection: duckdb.DuckDBPyConnection, name: str, side: Path | Oracle) -> Counts:
    """Put a side's rows into the tables `<name>_published` and `<name>_quarantine`; returns its counts."""
    for table in ("published", "quarantine"):
        if isinstance(side, Oracle):
            connection.register("rows", side.connection.table(table).to_arrow_reader(100_000))
            names = side.connection.table(table).columns
        else:
            connection.execute(f"CREATE OR REPLACE VIEW rows AS {_written(side / table)}")
            names = connection.table("rows").columns
        columns = ", ".join(_comparable(column, table) for column in sorted(names) if column not in LINEAGE)
        connection.execute(f"CREATE TABLE {name}_{table} AS SELECT {columns} FROM rows")
        connection.execute("DROP VIEW rows")
    if isinstance(side, Oracle):
        return side.counts
    return Counts.of_manifest(json.loads((side / "manifest.json").read_text()))


def _written(folder: Path) -> str:
    if not any(folder.rglob("*.parquet")):
        return "SELECT 0::BIGINT AS _row_number WHERE false"
    return f"""SELECT * FROM read_parquet('{folder}/**/*.parquet',
        hive_partitioning = true, hive_types_autocast = false, union_by_name = true)"""


def _comparable(column: str, table: str) -> str:
    """Reasons are a set; an empty cell and no cell are one in a quarantined row's text."""
    if column == "_reasons":
        return "array_to_string(list_sort(_reasons), ' ') AS _reasons"
    if table == "quarantine" and column != "_row_number":
        return f'coalesce("{column}", \'\') AS "{column}"'
    return f'"{column}"'


def _count_differences(left: Counts, right: Counts) -> list[str]:
    found = []
    for field in fields(Counts):
        ours, theirs = getattr(left, field.name), getattr(right, field.name)
        if isinstance(ours, dict):
            found += [
                f"{field.name}: {name}: {ours.get(name, 0)} against {theirs.get(name, 0)}"
                for name in sorted(ours.keys() | theirs.keys())
                if ours.get(name, 0) != theirs.get(name, 0)
            ]
        elif ours != theirs:
            found.append(f"{field.name}: {ours} against {theirs}")
    return found


def _row_difference(connection: duckdb.DuckDBPyConnection, table: str) -> Difference:
    sides = {side: f"{side}_{table}" for side in ("left", "right")}
    numbers = [_number(connection, f"SELECT count(*) FROM {name}") for name in sides.values()]
    if not all(numbers):
        # A side without rows has no files either, and so no columns to compare; the counts tell.
        return Difference([], sum(numbers))
    types = [dict(zip(t.columns, map(str, t.types), strict=True)) for t in map(connection.table, sides.values())]
    if types[0] != types[1]:
        unlike = sorted(set(types[0].items()) ^ set(types[1].items()))
        named = ", ".join(f"{name} {kind}" for name, kind in unlike)
        return Difference([f"{table}: columns differ: {named}"], sum(numbers))
    lines, found = [], 0
    for here, there in (("left", "right"), ("right", "left")):
        only = f"{here}_only_{table}"
        connection.execute(f"CREATE TABLE {only} AS FROM {sides[here]} EXCEPT ALL FROM {sides[there]}")
        rows = connection.sql(f"FROM {only} ORDER BY _row_number LIMIT {SHOWN_ROWS}")
        lines += [f"{table}: only {here}: {dict(zip(rows.columns, row, strict=True))}" for row in rows.fetchall()]
        number = _number(connection, f"SELECT count(*) FROM {only}")
        if number > SHOWN_ROWS:
            lines.append(f"{table}: only {here}: {number} rows in all")
        found += number
    return Difference(lines, found)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    given = parser.parse_args()
    found = differences(given.left, given.right if given.right.is_dir() else Oracle(given.right))
    print("\n".join(found) or "the same")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
