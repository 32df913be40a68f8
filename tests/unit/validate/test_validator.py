from functools import partial
from pathlib import Path

import pytest

from sluice.contract.registry import load
from sluice.read.open import open_reader
from sluice.read.source import FileSource
from sluice.validate import validator
from tests.unit.sales_rows import as_csv, written


@pytest.mark.parametrize("batch_rows", [2, 1_000])
def test_every_row_is_counted_and_three_of_a_reason_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
):
    monkeypatch.setattr(validator, "open_reader", partial(open_reader, batch_rows=batch_rows))
    fax, many = {"channel": "fax"}, {"quantity": "2000"}
    rows = as_csv(*[{}] * 40, fax, many, {"is_test": "y"}, fax | many, fax, fax) + "too,few\n"
    report = validator.check(load("sales"), FileSource(written(tmp_path, rows)))
    assert (report.result, report.rows, report.would_quarantine) == ("accepted", 47, 6)
    assert report.discarded == {"test_transaction": 1}
    assert report.reasons == {"channel_is_in_set": 4, "quantity_is_between_1_and_1000": 2, "row_has_every_field": 1}
    shown = {reason: [(row.row_number, row.text) for row in rows] for reason, rows in report.examples.items()}
    assert shown == {
        "channel_is_in_set": [(41, "fax"), (44, "fax"), (45, "fax")],
        "quantity_is_between_1_and_1000": [(42, "2000"), (44, "2000")],
        "row_has_every_field": [(47, "too,few")],
    }
