import dataclasses

import polars as pl
import pytest

from sluice.contract.registry import load
from sluice.errors import FileRejected
from sluice.read.header import match_header

SALES = load("sales")
NAMES = list(SALES.file_columns)


def reading(**changes: object):
    return dataclasses.replace(SALES, reading=dataclasses.replace(SALES.reading, **changes))


def test_columns_are_found_in_any_order_and_case():
    header = match_header(SALES, [f" {name.upper()} " for name in reversed(NAMES)])
    assert header.positions["is_test"] == 0
    assert header.positions["transaction_id"] == len(NAMES) - 1


def test_an_alias_names_the_column():
    contract = reading(aliases={"sku": "product_id"})
    names = ["sku" if name == "product_id" else name for name in NAMES]
    assert match_header(contract, names).positions["product_id"] == names.index("sku")


@pytest.mark.parametrize(
    ("names", "reason", "told"),
    [
        (NAMES[1:], "header_has_every_column", "transaction_id"),
        ([*NAMES, "surprise"], "header_has_no_unknown_column", "surprise"),
        ([*NAMES, "Quantity"], "header_has_no_duplicates", "quantity"),
        (["T1", "S1", "P1"], "header_is_present", "'T1'"),
        ([f"“{name}”" for name in NAMES], "header_has_straight_quotes", "typographic quotes"),
        ([f"c{n}" for n in range(1_000_000)], "header_is_present", "999,995 more"),
    ],
)
def test_a_header_that_is_not_the_contracts_is_refused(names: list[str], reason: str, told: str):
    with pytest.raises(FileRejected) as refused:
        match_header(SALES, names)
    assert refused.value.reason == reason
    assert told in refused.value.message


def test_a_renamed_column_is_hinted_at():
    with pytest.raises(FileRejected, match="undeclared columns: 'sku'"):
        match_header(SALES, ["sku" if name == "product_id" else name for name in NAMES])


def test_another_delimiter_is_named():
    line = ";".join(NAMES)
    with pytest.raises(FileRejected) as refused:
        match_header(SALES, [line], preview=[line])
    assert refused.value.reason == "delimiter_is_as_declared"
    assert "';'" in refused.value.message


def test_a_preamble_is_named_with_the_headers_line():
    preview = ["Report of 2025", "", ",".join(NAMES)]
    with pytest.raises(FileRejected, match="the header is on line 3") as refused:
        match_header(SALES, ["Report of 2025"], preview=preview)
    assert refused.value.reason == "header_is_first_line"


def test_unknown_columns_are_ignored_or_kept_as_the_contract_says():
    rows = pl.DataFrame({name: ["x"] for name in [*NAMES, "Colour"]}).with_columns(_row_number=pl.lit(1))
    ignoring, keeping = reading(unknown_columns="ignore"), reading(unknown_columns="keep")
    ignored = match_header(ignoring, [*NAMES, "Colour"]).select(ignoring, rows)
    kept = match_header(keeping, [*NAMES, "Colour"]).select(keeping, rows)
    assert ignored.columns == [*NAMES, "_row_number"]
    assert kept["_extra"].to_list() == ['{"Colour":"x"}']
    assert "_extra" in keeping.published
