import dataclasses
from collections.abc import Iterator

import polars as pl
import pytest

from sluice import vocabulary
from sluice.batch import CleanBatch, Cleaner, clean_batch
from sluice.catalog import load
from sluice.cells import Cells
from sluice.contract import Contract
from sluice.steps import Fill
from sluice.vocabulary import Vocabulary

SALES = load("sales")
BATCH = 5_000
DATES = ["2025-03-05", "03/06/2025", " 2025/03/07", "5 Mar 2025", "soon", "N/A", ""]
PRICES = ["9.99", "1.005", "5.", " 2.50 ", "free", "-", "12345678901.00"]
CATEGORIES = ["Toys", " toys", "BÜCHER", "none", "a much longer category, with a comma"]


def batches(number: int) -> Iterator[pl.DataFrame]:
    """Batches in which some texts come back, some are new, and rows are told apart by their prices and dates."""
    for batch in range(number):
        rows = range(batch * BATCH, (batch + 1) * BATCH)
        columns = {
            "transaction_id": [f"T{row}" for row in rows],
            "store_id": [f"S{row % 40}" for row in rows],
            "product_id": [f"P{row % (100 * (batch + 1))}" for row in rows],
            "sale_date": [DATES[row % 7] for row in rows],
            "quantity": [str(row % (50 * (batch + 1))) for row in rows],
            "unit_price": [PRICES[row % 7] if row % 3 else f"{row % 400}.{batch}5" for row in rows],
            "currency": [("eur", "EUR", "Usd", "CHF")[row % 4] for row in rows],
            "channel": [("online", " Mobile", "fax")[row % 3] for row in rows],
            "category": [CATEGORIES[row % 5] for row in rows],
            "customer_age": [str(row % 130) for row in rows],
            "is_test": [("no", "TRUE", "false")[row % 11 % 3] for row in rows],
            "updated_at": [f"2025-03-05T10:{row % 60:02}:{row // 60 % 60:02}" for row in rows],
        }
        yield pl.DataFrame(columns).select(*SALES.file_columns, pl.Series("_row_number", rows, dtype=pl.Int64))


def alone(contract: Contract, rows: pl.DataFrame) -> CleanBatch:
    """Clean rows in slices so small that nothing is remembered."""
    parts = [clean_batch(contract, part) for part in rows.iter_slices(500)]
    return CleanBatch(
        pl.concat([part.good for part in parts]),
        pl.concat([part.quarantined for part in parts]),
        {name: sum(part.discarded.get(name, 0) for part in parts) for part in parts for name in part.discarded},
        {name: sum(part.reasons.get(name, 0) for part in parts) for part in parts for name in part.reasons},
    )


def assert_same(batch: CleanBatch, other: CleanBatch) -> None:
    assert batch.good.equals(other.good)
    assert batch.quarantined.equals(other.quarantined)
    assert batch.discarded == other.discarded
    assert batch.reasons == other.reasons


@pytest.mark.parametrize("most_texts", [vocabulary.MOST_TEXTS, 60])
def test_rows_are_cleaned_as_if_no_batch_had_come_before(monkeypatch: pytest.MonkeyPatch, most_texts: int):
    monkeypatch.setattr(vocabulary, "MOST_TEXTS", most_texts)
    cleaner = Cleaner(SALES)
    for rows in batches(4):
        cleaned = cleaner.clean(rows)
        assert_same(cleaned, alone(SALES, rows))
        assert min(cleaned.good.height, cleaned.quarantined.height, *cleaned.discarded.values()) > 100


def test_cells_without_a_value_are_filled_though_other_texts_are_known():
    contract = dataclasses.replace(SALES, cleaning=(Fill("category", "unknown"),))
    cleaner = Cleaner(contract)
    for rows in batches(2):
        lacking = rows.with_columns(category=pl.when(pl.col("_row_number") % 2 == 0).then("category"))
        cleaned = cleaner.clean(lacking)
        assert_same(cleaned, alone(contract, lacking))
        assert cleaned.good.filter(pl.col("category") == "unknown").height > 100


def test_each_text_is_worked_out_once():
    met: list[str] = []

    def meaning(cells: pl.Series) -> tuple[pl.Series, pl.Series]:
        met.extend(cells)
        return cells, cells.str.len_bytes()

    words = Vocabulary(meaning, pl.Series(["a", "a"]))
    for texts in (["b", "a", "b", None], ["c", "a", None, "b"], ["a", "a"]):
        rows = pl.DataFrame({"cell": texts}, schema={"cell": pl.String})
        text, value = words.look_up(rows["cell"], rows.select(words.codes("cell")).to_series())
        assert text.to_list() == texts
        assert value.to_list() == [cell and len(cell) for cell in texts]
    assert met == ["b", "a", "c"]


def test_a_column_of_ever_new_texts_is_no_longer_looked_up():
    cells = Cells(SALES)
    for rows in batches(2):
        new = rows.with_columns(updated_at=pl.format("2025-03-05T10:00:00.{}", pl.col("_row_number") + 100_000))
        assert cells.read(new)[1]["updated_at"].n_unique() == BATCH
    assert {name: known.helps for name, known in cells._vocabularies.items()} == {
        "sale_date": True,
        "quantity": True,
        "unit_price": True,
        "currency": True,
        "channel": True,
        "category": True,
        "customer_age": True,
        "updated_at": False,
    }
