import dataclasses

import polars as pl
import pytest

from sluice.clean.batch import Cleaner, clean_batch
from sluice.clean.result import CleanBatch
from sluice.contract.declarations import MASK, Discard
from sluice.contract.model import Contract
from sluice.contract.registry import load
from sluice.contract.steps import Fill, MapValues
from sluice.errors import ContractInvalid
from tests.unit.memory import text_kept_alive
from tests.unit.sales_rows import GOOD

SALES = load("sales")


def batch_of(*changes: dict[str, str], contract: Contract = SALES, parts: dict[str, str] | None = None):
    return clean_batch(contract, rows_of(contract, *changes), parts)


def rows_of(contract: Contract, *changes: dict[str, str]) -> pl.DataFrame:
    rows = pl.DataFrame([GOOD | change for change in changes], schema=dict.fromkeys(GOOD, pl.String))
    numbered = rows.with_columns(_row_number=pl.int_range(1, len(changes) + 1, dtype=pl.Int64))
    return numbered.select(*contract.file_columns, "_row_number")


def with_malformed(contract: Contract, rows: pl.DataFrame, number: int) -> CleanBatch:
    malformed = pl.DataFrame({"_row_number": [number], "_raw": ["a,b,999"], "_reason": ["row_has_every_field"]})
    return Cleaner(contract).clean(rows, malformed)


def test_a_good_row_is_typed_and_nothing_else_happens():
    batch = batch_of({})
    assert batch.good.height == 1
    assert dict(batch.good.schema) == {**SALES.parsed, "_row_number": pl.Int64()}
    assert (batch.quarantined.height, batch.discarded, batch.reasons) == (0, {}, {})


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"transaction_id": ""}, ["transaction_id_is_present"]),
        ({"store_id": " N/A "}, ["store_id_is_present"]),
        ({"product_id": "NULL"}, ["product_id_is_present"]),
        ({"sale_date": "-"}, ["sale_date_is_present"]),
        ({"sale_date": "soon"}, ["sale_date_is_a_date"]),
        ({"quantity": "two"}, ["quantity_is_a_whole_number"]),
        ({"quantity": "1001"}, ["quantity_is_between_1_and_1000"]),
        ({"quantity": "0"}, ["quantity_is_between_1_and_1000"]),
        ({"unit_price": "cheap"}, ["unit_price_is_a_number"]),
        ({"unit_price": "0.001"}, ["unit_price_is_positive"]),
        ({"customer_age": "121"}, ["customer_age_is_between_0_and_120"]),
        ({"customer_age": "4.5"}, ["customer_age_is_a_whole_number"]),
        ({"channel": ""}, ["channel_is_present"]),
        ({"channel": "fax"}, ["channel_is_in_set"]),
        ({"currency": "nan"}, ["currency_is_present"]),
        ({"currency": "CHF"}, ["currency_is_in_set"]),
        ({"updated_at": "noon"}, ["updated_at_is_a_timestamp"]),
        (
            {"sale_date": "soon", "quantity": "0", "channel": "fax"},
            ["sale_date_is_a_date", "quantity_is_between_1_and_1000", "channel_is_in_set"],
        ),
    ],
)
def test_a_bad_row_is_quarantined_with_its_text_and_every_reason(change: dict[str, str], reasons: list[str]):
    batch = batch_of({}, change, {})
    assert batch.good["_row_number"].to_list() == [1, 3]
    row = batch.quarantined.row(0, named=True)
    assert row["_reasons"] == reasons
    assert {name: row[name] for name in GOOD} == GOOD | change
    assert batch.reasons == dict.fromkeys(reasons, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": ""},
        {"unit_price": "none"},
        {"customer_age": " "},
        {"updated_at": "N/A"},
        {"category": ""},
        {"channel": " IN_STORE "},
        {"currency": "usd"},
        {"quantity": "3.0"},
        {"sale_date": "05 Mar 2025"},
    ],
)
def test_what_may_be_missing_or_written_otherwise_is_good(change: dict[str, str]):
    assert batch_of(change).good.height == 1


@pytest.mark.parametrize(
    "change", [{"transaction_id": " TEST-9"}, {"is_test": "Yes"}, {"is_test": "1"}, {"is_test": " TRUE "}]
)
def test_a_test_transaction_is_discarded_before_it_is_checked(change: dict[str, str]):
    batch = batch_of(change | {"quantity": "two"}, {})
    assert batch.discarded == {"test_transaction": 1}
    assert batch.reasons == {}
    assert batch.good["_row_number"].to_list() == [2]


def test_the_first_of_several_discarding_rules_counts():
    rules = (Discard("first", pl.col("quantity") == "1"), Discard("second", pl.col("store_id") == "S001"))
    batch = batch_of({"quantity": "1"}, {"quantity": "2"}, contract=dataclasses.replace(SALES, discard=rules))
    assert batch.discarded == {"first": 1, "second": 1}


def test_rows_of_two_rules_of_one_name_are_counted_together():
    rules = (Discard("unwanted", pl.col("quantity") == "1"), Discard("unwanted", pl.col("store_id") == "S001"))
    batch = batch_of({"quantity": "1"}, {"quantity": "2"}, contract=dataclasses.replace(SALES, discard=rules))
    assert (batch.discarded, batch.rows_in) == ({"unwanted": 2}, 2)


def test_a_rule_that_cannot_run_is_told_by_its_name():
    when = pl.col("store_id").map_elements(lambda text: text != "S001" or {}["S001"], return_dtype=pl.Boolean)
    contract = dataclasses.replace(SALES, discard=(Discard("odd", when=when),))
    with pytest.raises(ContractInvalid, match=r"dataset 'sales': discard 'odd' cannot run: .*S001"):
        batch_of({}, contract=contract)


def test_a_rule_may_look_at_all_columns_as_text():
    anywhere = Discard("placeholder", when=pl.any_horizontal(pl.col(pl.String) == "?"))
    batch = batch_of(
        {}, {"quantity": " ? "}, {"updated_at": "?"}, contract=dataclasses.replace(SALES, discard=(anywhere,))
    )
    assert batch.discarded == {"placeholder": 2}
    assert (batch.good["_row_number"].to_list(), batch.reasons) == ([1], {})


def test_a_bad_row_keeps_its_reasons_when_rows_before_it_are_discarded():
    changes = [{"is_test": "yes", "quantity": "two"}, {}, {"is_test": "1"}, {"quantity": "two"}, {"sale_date": "soon"}]
    batch = batch_of(*changes)
    assert batch.quarantined.select("_row_number", "_reasons").rows() == [
        (4, ["quantity_is_a_whole_number"]),
        (5, ["sale_date_is_a_date"]),
    ]
    assert batch.reasons == {"quantity_is_a_whole_number": 1, "sale_date_is_a_date": 1}


def test_columns_that_must_equal_the_key_are_compared():
    contract = dataclasses.replace(SALES, same_as_key=("store_id",))
    batch = batch_of({}, {"store_id": "S002"}, {"store_id": "-"}, contract=contract, parts={"store_id": "S001"})
    assert batch.quarantined.select("_row_number", "_reasons").rows() == [
        (2, ["store_id_equals_key"]),
        (3, ["store_id_is_present"]),
    ]


def test_steps_map_and_fill_before_the_checks():
    contract = dataclasses.replace(SALES, cleaning=(Fill("channel", "web"), MapValues("channel", {"web": "online"})))
    assert batch_of({"channel": ""}, contract=contract).good["channel"].to_list() == ["online"]


def test_a_decimal_comma_is_read_only_where_the_contract_says_so():
    contract = dataclasses.replace(SALES, reading=dataclasses.replace(SALES.reading, decimal_comma=True))
    batch = batch_of({"unit_price": "9,99"}, {"unit_price": "9.99"}, contract=contract)
    assert [str(price) for price in batch.good["unit_price"]] == ["9.99"]
    assert batch.reasons == {"unit_price_is_a_number": 1}
    assert batch_of({"unit_price": "9,99"}).reasons == {"unit_price_is_a_number": 1}


def test_personal_columns_are_masked_in_the_quarantine():
    contract = dataclasses.replace(SALES, personal={"customer_age": "keep"})
    row = batch_of({"customer_age": "999"}, contract=contract).quarantined.row(0, named=True)
    assert row["customer_age"] == MASK
    for masks, raw in ((contract, MASK), (SALES, "a,b,999")):
        assert with_malformed(masks, rows_of(masks), 1).quarantined["_raw"].to_list() == [raw]


def test_records_that_could_not_be_split_stand_among_the_quarantined_in_the_files_order():
    rows = rows_of(SALES, {"channel": "fax"}, {}, {}, {"channel": "fax"}).filter(pl.col("_row_number") != 3)
    batch = with_malformed(SALES, rows, 3)
    assert (batch.rows_in, batch.good["_row_number"].to_list()) == (4, [2])
    assert batch.reasons == {"channel_is_in_set": 2, "row_has_every_field": 1}
    assert batch.quarantined.select("_row_number", "_raw", "_reasons").rows() == [
        (1, None, ["channel_is_in_set"]),
        (3, "a,b,999", ["row_has_every_field"]),
        (4, None, ["channel_is_in_set"]),
    ]


def test_a_validated_batch_counts_as_many_rows_as_it_returns():
    changes: list[dict[str, str]] = [
        {"channel": "fax", "quantity": "two"},
        {},
        {"is_test": "y"},
        {"channel": "fax"},
        {},
    ]
    rows = rows_of(SALES, *changes)
    for number in (2, 6):
        malformed = pl.DataFrame({"_row_number": [number], "_raw": ["a,b"], "_reason": ["row_has_every_field"]})
        for given in (rows, rows.filter(pl.col("_row_number").is_in([2, 5])), rows.clear()):
            batch = Cleaner(SALES).validate(given, malformed)
            assert batch.rows_in == given.height + 1
            assert batch.quarantined_rows == batch.quarantined().height
            assert batch.good().height + batch.quarantined_rows + sum(batch.discarded.values()) == batch.rows_in
            told = batch.quarantined()["_reasons"].explode(empty_as_null=False)
            assert batch.reasons == dict(told.value_counts().iter_rows())


def test_long_null_markers_are_told_in_any_case_too():
    reading = dataclasses.replace(SALES.reading, null_markers=("", "not available"))
    contract = dataclasses.replace(SALES, reading=reading)
    assert batch_of({"product_id": "Not AVAILABLE"}, contract=contract).reasons == {"product_id_is_present": 1}


def test_a_batch_on_its_own_does_not_keep_the_text_of_all_rows_alive():
    texts = pl.DataFrame({"n": range(10_000), "t": [f"a text that has a buffer {n}" for n in range(10_000)]})
    few, most = texts.filter(pl.col("n") % 100 == 0), texts.filter(pl.col("n") % 100 > 0)
    for good, quarantined in ((few, most), (most, few)):
        batch = CleanBatch(10_000, good, quarantined, {}, {})
        own = batch.on_its_own()
        assert own.good.equals(good)
        assert own.quarantined.equals(quarantined)
        assert (own.rows_in, own.discarded, own.reasons) == (10_000, {}, {})
        for frame in (own.good, own.quarantined):
            assert text_kept_alive(frame["t"]) < 60 * frame.height
