"""No row is published that fails a check, whatever the checks are called; each failing cell has its reasons."""

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from sluice.clean.batch import clean_batch
from sluice.contract.model import Contract


class Limits(pa.DataFrameModel):
    g: pl.Int64 = pa.Field(ge=2, le=4, nullable=True)
    gr: pl.Int64 = pa.Field(isin=[1, 3, 5])

    @pa.check("g", "gr", name="gr_is_odd")
    def odd(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805 (pandera calls it so)
        return data.lazyframe.select(pl.col(data.key) % 2 == 1)


class OneName(pa.DataFrameModel):
    """Two columns, a cell and a whole row, all with one reason."""

    g: pl.Int64
    g_h: pl.Int64 = pa.Field(gt=0)

    @pa.check("g", name="h_is_positive")
    def positive(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) > 0)

    @pa.check("g_h", name="is_positive")
    def odd(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) % 2 == 1)

    @pa.dataframe_check(name="g_h_is_positive")
    def small(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col("g") < 9)


class NamedAsParsing(pa.DataFrameModel):
    g: pl.Int64

    @pa.check("g")
    def g_is_a_whole_number(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) > 0)


def becomes(row: type[pa.DataFrameModel], *rows: tuple[str, ...]) -> list[object]:
    """Return what becomes of each row: its values, or its reasons."""
    contract = Contract(name="rows", version=1, row=row, files=("rows/{day}.csv",))
    text = pl.DataFrame(list(rows), schema=dict.fromkeys(contract.file_columns, pl.String), orient="row")
    batch = clean_batch(contract, text.with_columns(_row_number=pl.int_range(len(rows), dtype=pl.Int64)))
    found = {values[-1]: values[:-1] for values in batch.good.rows()}
    found |= dict(batch.quarantined.select("_row_number", "_reasons").rows())
    assert len(found) == len(rows)
    assert batch.quarantined.height == len(rows) - batch.good.height
    return [found[number] for number in range(len(rows))]


def test_a_cell_outside_its_range_fails_one_fact_and_a_missing_one_none():
    rows = becomes(Limits, ("3", "1"), ("1", "3"), ("5", "3"), ("", "5"))
    assert rows == [(3, 1), ["g_is_between_2_and_4"], ["g_is_between_2_and_4"], (None, 5)]


def test_columns_of_like_names_fail_each_under_its_own():
    assert becomes(Limits, ("2", "1"), ("3", "2"), ("2", "4")) == [
        ["g_gr_is_odd"],
        ["gr_is_in_set", "gr_is_odd"],
        ["g_gr_is_odd", "gr_is_in_set", "gr_is_odd"],
    ]


@pytest.mark.parametrize(
    ("row", "passed"),
    [(("1", "1"), True), (("-1", "1"), False), (("1", "-1"), False), (("1", "2"), False), (("9", "1"), False)],
)
def test_rows_that_fail_any_of_the_checks_of_one_name_are_quarantined_once(row: tuple[str, ...], passed: bool):
    others = [("2", "3"), ("0", "0"), ("9", "9")]
    expected = (1, 1) if passed else ["g_h_is_positive"]
    assert becomes(OneName, row, *others)[0] == expected


def test_a_check_named_like_a_fact_of_parsing_adds_to_it():
    assert becomes(NamedAsParsing, ("x",), ("-1",), ("1",)) == [["g_is_a_whole_number"], ["g_is_a_whole_number"], (1,)]
