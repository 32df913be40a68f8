"""The engine and the gate on generated and real files, against the floor and the alternatives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.measuring import compare
from tests.bench.processes import run

Told = Callable[[str], None]


def measure(folder: Path, *, rows: int, rounds: int, large: bool, tell: Told) -> dict[str, Any]:
    """Compare on `rows` generated rows, on five times as many, and on the real groceries; 20 times when large.

    The alternatives run on the smallest file alone: larger ones take them minutes, and more memory than machines have.
    """
    small = compare(
        f"{rows:,} sales", "sales", sales_file(folder, rows), folder,
        jobs=("duckdb_sql", "plain_polars", "naive"), rounds=rounds, tell=tell,
    )  # fmt: skip
    larger = compare(
        f"{5 * rows:,} sales", "sales", sales_file(folder, 5 * rows), folder, jobs=(), rounds=rounds, tell=tell
    )
    tell("writing the groceries")
    real = compare("groceries", "grocery", groceries(folder), folder, jobs=(), rounds=rounds, tell=tell)
    compared = [small, larger, real]
    if large:
        file = sales_file(folder, 20 * rows)
        compared.append(compare(f"{20 * rows:,} sales", "sales", file, folder, jobs=(), rounds=1, tell=tell))
    return {"files": {one.name: one.to_dict() for one in compared}}


def sales_file(folder: Path, rows: int) -> Path:
    """Generate a dirty sales file, once. In another process: this one stays small and its generator's memory goes."""
    file = folder / f"sales-{rows}.csv"
    if not file.is_file():
        _by_another(
            "from samples.sales_files import write_sales; write_sales(Path(sys.argv[1]), int(sys.argv[2]))", file, rows
        )
    return file


def groceries(folder: Path) -> Path:
    """Write all real grocery transactions, once."""
    file = folder / "groceries.csv"
    if not file.is_file():
        _by_another("from samples.grocery_files import write_transactions\nwrite_transactions(Path(sys.argv[1]))", file)
    return file


def _by_another(script: str, *arguments: object) -> None:
    begin = "import sys\nfrom pathlib import Path\nfrom tests.bench.processes import Watch\n"
    run(["-c", f"{begin}{script}\nWatch().answer()", *(str(argument) for argument in arguments)])
