"""The measured jobs, one a process: python -m tests.bench.jobs NAME DATASET FILE OUT.

Each imports what it needs, then works, then tells its seconds of work and the rows it published.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.processes import Watch

Facts = dict[str, Any]
Work = Callable[[], Facts]
"""What is timed. It comes from a function that has already imported and read what is not to be timed."""


def clean(dataset: str, file: Path, out: Path) -> Work:
    from sluice.contract import registry
    from sluice.engines import polars_engine
    from sluice.read.source import FileSource

    contract = registry.load(dataset)
    lineage = polars_engine.Lineage(f"s3://raw/{dataset}/{file.name}", "bench", "bench")

    def work() -> Facts:
        manifest = polars_engine.clean(contract, FileSource(file), out, lineage=lineage)
        return {"rows": manifest.rows_in, "published": manifest.published, "quarantined": manifest.quarantined}

    return work


def check(dataset: str, file: Path, _: Path) -> Work:
    from sluice.contract import registry
    from sluice.read.source import FileSource
    from sluice.validate import validator

    contract = registry.load(dataset)

    def work() -> Facts:
        report = validator.check(contract, FileSource(file))
        return {"rows": report.rows, "quarantined": report.would_quarantine}

    return work


def parse_polars(_: str, file: Path, __: Path) -> Work:
    import polars as pl

    return lambda: {"rows": pl.read_csv(file, infer_schema=False).height}


def parse_duckdb(_: str, file: Path, __: Path) -> Work:
    import duckdb

    connection = duckdb.connect()

    def work() -> Facts:
        connection.execute(f"CREATE TABLE parsed AS FROM read_csv('{file}', all_varchar = true, header = true)")
        return {"rows": connection.sql("SELECT count(*) FROM parsed").fetchall()[0][0]}

    return work


def parse_pyarrow(_: str, file: Path, __: Path) -> Work:
    return _parse_pyarrow(file, quoted_line_breaks=False)


def parse_pyarrow_quoted(_: str, file: Path, __: Path) -> Work:
    return _parse_pyarrow(file, quoted_line_breaks=True)


def _parse_pyarrow(file: Path, *, quoted_line_breaks: bool) -> Work:
    import pyarrow as pa
    import pyarrow.csv

    with file.open() as lines:
        names = next(lines).strip().split(",")
    text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    quoted = pyarrow.csv.ParseOptions(newlines_in_values=quoted_line_breaks)
    return lambda: {"rows": pyarrow.csv.read_csv(file, parse_options=quoted, convert_options=text).num_rows}


def write_polars(_: str, published: Path, out: Path) -> Work:
    import polars as pl

    rows = pl.read_parquet(published / "**" / "*.parquet", hive_partitioning=True, try_parse_hive_dates=False)
    target = pl.PartitionBy(out, key=_partition(published), include_key=False)

    def work() -> Facts:
        rows.lazy().sink_parquet(target, compression="zstd", mkdir=True)
        return {"published": rows.height}

    return work


def write_duckdb(_: str, published: Path, out: Path) -> Work:
    import duckdb

    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE rows AS FROM read_parquet('{published}/**/*.parquet', hive_partitioning = true, "
        "hive_types_autocast = false)"
    )

    def work() -> Facts:
        partition = _partition(published)
        connection.execute(f"COPY rows TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({partition}))")
        return {"published": connection.sql("SELECT count(*) FROM rows").fetchall()[0][0]}

    return work


def write_pyarrow(_: str, published: Path, out: Path) -> Work:
    import pyarrow as pa
    import pyarrow.dataset as ds

    by = ds.partitioning(pa.schema([(_partition(published), pa.string())]), flavor="hive")
    rows = ds.dataset(published, partitioning=by).to_table()
    parquet = ds.ParquetFileFormat()

    def work() -> Facts:
        options = parquet.make_write_options(compression="zstd")
        ds.write_dataset(rows, out, format=parquet, partitioning=by, file_options=options)
        return {"published": rows.num_rows}

    return work


def _partition(published: Path) -> str:
    return next(path.name.partition("=")[0] for path in published.iterdir() if path.is_dir())


def naive(_: str, file: Path, out: Path) -> Work:
    from tests.bench import naive

    return lambda: naive.clean(file, out)


def plain_polars(_: str, file: Path, out: Path) -> Work:
    from tests.bench import plain_polars

    return lambda: plain_polars.clean(file, out)


def duckdb_sql(_: str, file: Path, out: Path) -> Work:
    from tests.bench import duckdb_sql

    return lambda: duckdb_sql.clean(file, out)


JOBS = {
    job.__name__: job
    for job in (
        clean, check, parse_polars, parse_duckdb, parse_pyarrow, parse_pyarrow_quoted,
        write_polars, write_duckdb, write_pyarrow, naive, plain_polars, duckdb_sql,
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=JOBS)
    parser.add_argument("dataset")
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    work = JOBS[given.name](given.dataset, given.file, given.out)
    watch = Watch()
    watch.answer(**work())
    sys.stdout.flush()
    os._exit(0)  # pyarrow's threads sometimes abort the process on its way out


if __name__ == "__main__":
    main()
