from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract import Contract, Outliers, Partition
from sluice.contract.partitions import NO_VALUE, SEGMENT_BYTES, partition_path, partition_value, unfit
from sluice.errors import ContractInvalid


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (3, "3"), (-5, "-5"), ("03", "03"), (date(2025, 3, 1), "2025-03-01"),
        (Decimal("1.50"), "1.50"), (Decimal("0E-7"), "0.0000000"), (Decimal("-0.5"), "-0.5"),
    ],
)  # fmt: skip
def test_a_partition_value_is_written_as_trino_casts_it_to_varchar(value: bool | int | str | date | Decimal, text: str):
    assert partition_value(value) == text
    assert partition_path({"v": value}) == f"v={text}"


@given(st.lists(st.text(max_size=120) | st.sampled_from(["", NO_VALUE]), min_size=1))
def test_a_text_fits_exactly_when_its_path_can_be_read_back(texts: list[str]):
    fits = [
        text not in ("", NO_VALUE) and len(partition_path({"shop": text}).encode()) <= SEGMENT_BYTES for text in texts
    ]
    assert (~unfit("shop", pl.Series(texts, dtype=pl.String))).to_list() == fits
    for text in texts:
        assert unquote(partition_path({"shop": text})) == f"shop={text}"


class Row(pa.DataFrameModel):
    name: pl.String
    day: pl.Date
    at: pl.Datetime("us")
    rate: pl.Float64
    month: pl.Int8
    part: pl.String
    far: pl.Boolean
    other: pl.Date


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (Partition("at"), r"derive its day, such as Partition\('day', of='at'"),
        (Partition("rate"), "make it a Decimal"),
        (Partition("day", format="%Y-%m"), "has a format and no `of`"),
        (Partition("part", of="part"), "no other column of the file"),
        (Partition("part", of="far", format="%Y"), "no other column of the file"),
        (Partition("part", of="day"), "give both one type"),
        (Partition("part", of="name", format="%Y"), "only a Date or Datetime can be formatted"),
        (Partition("part", of="day", format="yyyy-MM"), "is made of"),
        (Partition("part", of="day", format="%Y-%m-%d %H"), "is made of"),
        (Partition("part", of="at", format="%F"), "is made of"),
        (Partition("month", of="day", format="%Y"), "gives no Int8; make the column a String"),
        (Partition("month", of="day", format="%Y-%m"), "gives no Int8"),
        (Partition("other", of="day", format="%m"), "gives a String or a whole number"),
    ],
)
def test_a_partition_without_one_text_is_refused(part: Partition, problem: str):
    outliers = (Outliers("rate", iqr=1.5, flag="far"),)
    sound = {"name": "rows", "version": 1, "row": Row, "files": ("rows/{f}.csv",), "outliers": outliers}
    with pytest.raises(ContractInvalid, match=problem):
        Contract(**sound, partition_by=(part,))  # type: ignore[arg-type]
    for right in (Partition("far"), Partition("month", of="day", format="%m"), Partition("part", of="at", format="%H")):
        Contract(**sound, partition_by=(right,))  # type: ignore[arg-type]


@pytest.mark.parametrize("treatment", ["hash", "drop"])
def test_a_personal_column_stands_in_no_path(treatment: str):
    with pytest.raises(ContractInvalid, match="name is personal"):
        Contract("rows", 1, Row, ("rows/{f}.csv",), partition_by=(Partition("name"),), personal={"name": treatment})  # type: ignore[dict-item]
