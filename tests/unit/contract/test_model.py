import dataclasses

import pandera.polars as pa
import polars as pl
import pytest

from sluice.contract.declarations import Discard, Reading
from sluice.contract.model import Contract
from sluice.contract.registry import contracts, load, match
from sluice.errors import ContractInvalid, UnknownDataset, UnknownKey

SALES = load("sales")


class Row(pa.DataFrameModel):
    name: pl.String


def test_a_rule_may_look_at_unknown_columns_where_they_are_kept():
    rule = (Discard("till", pl.col("_extra").str.contains("till")),)
    sound = {"name": "rows", "version": 1, "row": Row, "files": ("rows/{day}.csv",), "discard": rule}
    Contract(**sound, reading=Reading(unknown_columns="keep"))
    with pytest.raises(ContractInvalid, match=r"'till' cannot run on text: unable to find .*_extra"):
        Contract(**sound)


def test_the_published_columns_are_the_models_and_the_lineage():
    assert list(SALES.published)[:3] == ["transaction_id", "store_id", "product_id"]
    assert list(SALES.published)[-4:] == ["sale_month", "_source_key", "_run_id", "_row_number"]
    assert "is_test" not in SALES.published
    assert "customer_age" not in dataclasses.replace(SALES, personal={"customer_age": "drop"}).published


def test_a_module_in_datasets_is_a_dataset():
    assert {"sales", "grocery"} <= set(contracts())
    assert match("sales/S9/2025-01-31.csv").dataset == "sales"


def test_an_unknown_name_or_key_raises_with_those_that_are_known():
    with pytest.raises(UnknownDataset, match=r"known: .*sales"):
        load("sails")
    with pytest.raises(UnknownKey, match=r"sales/\{store_id"):
        match("sales/readme.txt")
