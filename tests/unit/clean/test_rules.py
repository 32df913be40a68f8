"""Checks and discarding rules are asked of the rows of each batch, whatever else they look at."""

import dataclasses
from collections.abc import Callable

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from sluice.clean.batch import Cleaner
from sluice.contract.declarations import Discard
from sluice.contract.model import Contract
from sluice.contract.steps import Lowercase
from sluice.errors import ContractInvalid


class Item(pa.DataFrameModel):
    kind: pl.String = pa.Field(nullable=True)
    shop: pl.String = pa.Field(nullable=True)

    @pa.check("kind")
    def kind_is_known(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805 (pandera calls it so)
        return data.lazyframe.select(pl.col(data.key).is_in(["a", "b", "c"]))


CONTRACT = Contract(
    name="items",
    version=1,
    row=Item,
    files=("items/{day}.csv",),
    cleaning=(Lowercase("kind"),),
    discard=(
        Discard(
            "test", when=(pl.col("kind") == "test") | pl.col("shop").str.starts_with("T") | (pl.col("shop") == "?")
        ),
        Discard("gone", when=(pl.col("shop") == "gone") & (pl.col("kind") != "c")),
    ),
)
KINDS = ["a", " B", "c", "x", "TEST", ""]
SHOPS = ["S1", "S2 ", "T9", "gone", "?", ""]


def items(kinds: list[str], shops: list[str]) -> pl.DataFrame:
    columns = {"kind": kinds, "shop": shops, "_row_number": range(1, len(kinds) + 1)}
    return pl.DataFrame(columns, schema={"kind": pl.String, "shop": pl.String, "_row_number": pl.Int64})


def every_pair(times: int) -> pl.DataFrame:
    """Each kind at each shop, so often: the texts are few from 1,024 rows on."""
    pairs = [(kind, shop) for kind in KINDS for shop in SHOPS] * times
    return items([kind for kind, _ in pairs], [shop for _, shop in pairs])


def becomes(cleaner: Cleaner, rows: pl.DataFrame) -> list[tuple[object, ...]]:
    """Return what becomes of each row: (kind, shop), its reasons, or () when it is discarded."""
    batch = cleaner.clean(rows)
    found: dict[int, tuple[object, ...]] = {number: (kind, shop) for kind, shop, number in batch.good.rows()}
    found |= {number: tuple(reasons) for number, reasons in batch.quarantined.select("_row_number", "_reasons").rows()}
    assert batch.rows_in == len(found) + sum(batch.discarded.values())
    return [found.get(number, ()) for number in rows["_row_number"]]


def test_rows_become_the_same_among_many_and_alone():
    alone = [becomes(Cleaner(CONTRACT), row)[0] for row in every_pair(1).iter_slices(1)]
    cleaner = Cleaner(CONTRACT)
    for _ in range(3):
        assert becomes(cleaner, every_pair(50)) == alone * 50
    assert {("kind_is_known",), (), ("b", "S2"), (None, "S1")} <= set(alone)


@pytest.mark.parametrize("batches", [1, 2])
def test_rules_count_the_rows_that_they_are_the_first_to_fit(batches: int):
    cleaner = Cleaner(CONTRACT)
    for _ in range(batches):
        batch = cleaner.clean(every_pair(50))
    # Of 36 pairs: 6 of the kind test, and of the 5 other kinds 2 shops; then 1 shop of those kinds but c and none.
    assert batch.discarded == {"test": 16 * 50, "gone": 3 * 50}


def test_a_text_that_a_later_batch_brings_is_checked():
    cleaner = Cleaner(CONTRACT)
    cleaner.clean(every_pair(50))
    rows = items(["a"] * 2_000 + ["new", "TEST"], ["S1"] * 2_000 + ["S1", "S3"])
    assert becomes(cleaner, rows)[-3:] == [("a", "S1"), ("kind_is_known",), ()]


def checked(check: Callable[[PolarsData], pl.LazyFrame | bool]) -> Contract:
    row = type("Row", (Item,), {"__annotations__": Item.__annotations__, "told": pa.check("shop", name="told")(check)})
    return dataclasses.replace(CONTRACT, row=row, discard=())


@pytest.mark.parametrize(
    "check",
    [
        lambda cls, data: data.lazyframe.select(pl.col("kind").is_null()),
        lambda cls, data: data.lazyframe.select(pl.len().over(data.key) < 200),
    ],
    ids=["another column", "not too often"],
)
def test_a_check_that_looks_further_than_at_its_cell_sees_the_batch(
    check: Callable[[PolarsData], pl.LazyFrame | bool],
):
    contract = checked(check)
    many, few = every_pair(50), every_pair(30)
    cleaner = Cleaner(contract)
    cleaner.clean(every_pair(50))
    for rows in (many, few):
        assert cleaner.clean(rows).reasons == Cleaner(contract).clean(rows).reasons
    assert Cleaner(contract).clean(many).reasons["shop_told"] >= 1_500


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda cls, data: data.lazyframe.select(pl.col(data.key).is_duplicated().not_()), "depends on other rows"),
        (lambda cls, data: data.lazyframe.select(pl.len() < 1_500), "answers once for all rows"),
        (lambda cls, data: data.lazyframe.select(pl.len()).collect().item() < 1_500, "answers once for all rows"),
        (lambda cls, data: data.lazyframe.select(pl.col("nothing") > 0), "cannot run: unable to find column"),
        (lambda cls, data: data.lazyframe.select(pl.col(data.key).str.to_date("%Y") > 0), "cannot run"),
        (lambda cls, data: data.lazyframe.select(pl.col(data.key)), "must say true or false of each row, not String"),
    ],
)
def test_a_check_that_cannot_answer_for_each_row_is_refused(check: Callable[[PolarsData], pl.LazyFrame], problem: str):
    with pytest.raises(ContractInvalid, match=f"the check shop_told {problem}"):
        checked(check)


@pytest.mark.parametrize(
    "when",
    [
        pl.col("shop").is_duplicated(),
        pl.len().over("shop") > 290,
        (pl.len() > 1_500) | (pl.col("shop") == "S1"),
        pl.col("shop") == pl.col("kind").replace("a", "S1"),
    ],
    ids=["like others", "too often", "too many", "another column"],
)
def test_a_rule_that_looks_further_than_at_its_cell_sees_the_batch(when: pl.Expr):
    contract = dataclasses.replace(CONTRACT, discard=(Discard("told", when=when),))
    cleaner = Cleaner(contract)
    for _ in range(3):
        batch = cleaner.clean(every_pair(50))
        assert batch.rows_in == batch.good.height + batch.quarantined.height + sum(batch.discarded.values())
        assert batch.discarded == Cleaner(contract).clean(every_pair(50)).discarded
