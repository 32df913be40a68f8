"""The sales rules in SQL on DuckDB: the whole of sales.sql, as exact as the contract, with every reason."""

from pathlib import Path
from typing import Any

import duckdb

RULES = Path(__file__).parents[2] / "samples" / "sales.sql"


def clean(file: Path, out: Path) -> dict[str, Any]:
    """Write out/published (Parquet by month) and out/quarantine.parquet; returns the counts."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        "CREATE TABLE source AS SELECT row_number() OVER () AS _row_number, "
        f"coalesce(COLUMNS(* ), '') FROM read_csv('{file}', all_varchar = true, header = true)"
    )
    connection.execute("CREATE TABLE malformed (_row_number BIGINT, _raw VARCHAR, _reason VARCHAR)")
    connection.execute(RULES.read_text())
    out.mkdir(parents=True)
    connection.execute(f"COPY quarantine TO '{out}/quarantine.parquet' (FORMAT parquet, COMPRESSION zstd)")
    connection.execute(
        f"COPY published TO '{out}/published' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (sale_month))"
    )

    def number(table: str) -> int:
        return int(connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    return {"rows": number("source"), "published": number("published"), "quarantined": number("quarantine")}
