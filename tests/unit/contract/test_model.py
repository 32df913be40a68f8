import dataclasses

import pandera.polars as pa
import polars as pl
import pytest

from sluice.contract.declarations import Discard, Outliers, Partition, Reading, Unique
from sluice.contract.model import Contract
from sluice.contract.registry import contracts, load, match
from sluice.errors import ContractInvalid, UnknownDataset, UnknownKey

SALES = load("sales")


class Row(pa.DataFrameModel):
    name: pl.String
    amount: pl.Int64 = pa.Field(nullable=True)


class Dated(Row):
    month: pl.String


class OneText(pa.DataFrameModel):
    name: pl.String = pa.Field(isin=("EUR",))
    amount: pl.Int64 = pa.Field(notin=(3,))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Sales; DROP"}, "name must match"),
        ({"name": "sales_quarantine"}, "reserved for the tables and views"),
        ({"name": "sales_latest"}, "reserved for the tables and views"),
        ({"files": ()}, "no file pattern"),
        ({"row": OneText}, r"name: isin takes a list, such as isin=\['EUR'\]"),
        ({"quarantine_limit": 20}, "share from 0 to 1"),
        ({"unique": Unique(key=("nope",))}, "'nope', which is no column"),
        ({"unique": Unique(key=("amount",))}, "must not be nullable"),
        ({"unique": Unique(key=("name",), across_files=True), "personal": {"name": "drop"}}, "not in the table"),
        ({"partition_by": (Partition("amount"),)}, "must not be nullable"),
        ({"outliers": (Outliers("amount"),)}, "either iqr or z_score"),
        ({"outliers": (Outliers("name", iqr=1.5),)}, "not a number"),
        ({"outliers": (Outliers("amount", iqr=1.5, flag="name"),)}, "not a Boolean column"),
        ({"impute": {"name": "mean"}}, "only numbers have a mean"),
        ({"personal": {"amount": "hash"}}, "only text columns"),
        ({"same_as_key": ("name",)}, "not every file pattern captures"),
        ({"partition_by": (Partition("name"),), "personal": {"name": "keep"}}, "name is personal, and a partition"),
        ({"partition_by": (Partition("month", of="name"),), "row": Dated, "personal": {"name": "hash"}}, "is personal"),
        (
            {"files": ("rows/{name}.csv",), "same_as_key": ("name",), "personal": {"name": "keep"}},
            "name is personal, and the names of files",
        ),
        ({"discard": (Discard("free", pl.col("price") == "0"),)}, "'free' cannot run on text: unable to find .*price"),
        ({"discard": (Discard("few", pl.col("amount") < 3),)}, "'few' cannot run on text: cannot compare string"),
        ({"discard": (Discard("empty", pl.col("name")),)}, "'empty' must say true or false of a row, not String"),
        ({"discard": (Discard("any", pl.col(pl.String) == ""),)}, "true or false of a row, not Boolean, Boolean"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(changes: dict[str, object], problem: str):
    sound = {"name": "rows", "version": 1, "row": Row, "files": ("rows/{day}.csv",)}
    Contract(**sound)
    with pytest.raises(ContractInvalid, match=problem):
        Contract(**(sound | changes))


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
