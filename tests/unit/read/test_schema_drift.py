"""Files whose columns are not as the sales contract expects: what becomes of them, and what the report says."""

import dataclasses
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from datasets.sales import Sale
from sluice.contract.model import Contract
from sluice.contract.registry import load
from sluice.contract.steps import Fill
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.errors import ContractInvalid
from sluice.read.schema_drift import Drift, of_header
from sluice.read.source import FileSource
from sluice.report.render import render
from sluice.validate import validator
from sluice.validate.report import ValidationReport
from tests.unit.sales_rows import GOOD, as_csv, written

SALES = load("sales")
ROWS = as_csv(*[{}] * 4)


def reading(**changes: object) -> Contract:
    return dataclasses.replace(SALES, reading=dataclasses.replace(SALES.reading, **changes))


def checked(folder: Path, text: str, contract: Contract = SALES) -> ValidationReport:
    return validator.check(contract, FileSource(written(folder, text)))


def drifted(report: ValidationReport) -> list[tuple[str, str, str]]:
    return [(drift.kind, drift.column, drift.policy) for drift in report.drift]


def without(column: str, text: str = ROWS) -> str:
    place = list(GOOD).index(column)
    lines = [line.split(",") for line in text.splitlines()]
    return "\n".join(",".join(cells[:place] + cells[place + 1 :]) for cells in lines) + "\n"


def test_a_file_as_agreed_has_no_drift(tmp_path: Path):
    assert checked(tmp_path, ROWS).drift == []
    assert checked(tmp_path, ROWS.replace("product_id", "SKU"), reading(aliases={"sku": "product_id"})).drift == []


@pytest.mark.parametrize(("policy", "message"), [("reject", "rejected"), ("ignore", "ignored"), ("keep", "kept")])
def test_an_unknown_column_gets_the_contracts_policy_and_is_named(tmp_path: Path, policy: str, message: str):
    text = "\n".join(line + ",x" for line in ROWS.splitlines()).replace("updated_at,x", "updated_at,loyalty") + "\n"
    report = checked(tmp_path, text, reading(unknown_columns=policy))
    assert drifted(report) == [("unknown", "loyalty", message)]
    assert report.accepted == (policy != "reject")


def test_a_missing_column_rejects_the_file_unless_it_is_optional(tmp_path: Path):
    text = without("category")
    required = checked(tmp_path, text)
    assert (required.accepted, drifted(required)) == (False, [("missing", "category", "rejected")])
    optional = checked(tmp_path, text, reading(optional=("category",)))
    assert (optional.accepted, drifted(optional)) == (True, [("missing", "category", "filled")])
    assert (optional.rows, optional.would_quarantine) == (4, 0)


def test_the_rows_of_a_file_without_an_optional_column_have_no_value_in_it(tmp_path: Path):
    contract = reading(optional=("category",))
    file = FileSource(written(tmp_path, without("category")))
    lineage = Lineage(source_key="x", run_id="r", file_stem="x")
    manifest = polars_engine.clean(contract, file, tmp_path / "out", lineage=lineage)
    rows = pl.concat(pl.read_parquet(path) for path in (tmp_path / "out" / "published").rglob("*.parquet"))
    assert rows["category"].to_list() == [None] * 4
    assert rows["channel"].to_list() == ["online"] * 4
    assert manifest.notes == ["optional columns that the file lacks: category"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("product_id", "ProductID"), ("product_id", "sku"), ("unit_price", "unit price"), ("quantity", "qty")],
)
def test_a_renamed_column_is_named_with_the_alias_that_would_heal_it(tmp_path: Path, old: str, new: str):
    report = checked(tmp_path, ROWS.replace(old, new))
    assert drifted(report) == [("renamed", old, "rejected")]
    assert f"aliases={{{new!r}: {old!r}}}" in report.drift[0].message
    assert f"aliases={{{new!r}: {old!r}}}" in report.problems[0]
    healed = checked(tmp_path, ROWS.replace(old, new), reading(aliases={new: old}))
    assert (healed.accepted, healed.drift) == (True, [])


def test_columns_that_have_nothing_in_common_are_not_called_renamed(tmp_path: Path):
    text = "\n".join(line + ",x" for line in without("category").splitlines()).replace("updated_at,x", "updated_at,zzz")
    assert {drift[0] for drift in drifted(checked(tmp_path, text + "\n"))} == {"missing", "unknown"}


def test_a_column_of_another_type_is_named_with_its_share(tmp_path: Path):
    text = as_csv(*[{"unit_price": "9.99 EUR", "sale_date": "5. März"}] * 9, {})
    report = checked(tmp_path, text)
    assert drifted(report) == [("retyped", "sale_date", "quarantined"), ("retyped", "unit_price", "quarantined")]
    assert report.drift[1].message == "9 of 10 values of 'unit_price' are not numbers: has its type changed?"
    assert not report.accepted


def test_a_few_bad_values_are_no_drift(tmp_path: Path):
    report = checked(tmp_path, as_csv(*[{}] * 9, {"unit_price": "free"}))
    assert (report.would_quarantine, report.drift) == (1, [])


def test_the_report_holds_the_drift(tmp_path: Path):
    drift = checked(tmp_path, ROWS.replace("quantity", "qty")).to_dict()["drift"]
    assert drift[0]["kind"] == "renamed"
    assert set(drift[0]) == {"kind", "column", "policy", "message"}


def test_the_page_of_a_rejected_file_shows_the_drift(tmp_path: Path):
    report = checked(tmp_path, ROWS.replace("quantity", "<b>qty</b>"))
    links = {"dataset": "", "contract": ""}
    facts = {"source": "s3://raw/sales/x.csv", "version": "v1", "made_at": "2026-11-21T08:00:00+00:00", "links": links}
    shown = render("rejected", {**report.to_dict(), **facts})
    assert "Columns that are not as agreed" in shown
    assert "may be called" in shown
    assert "<b>qty</b>" not in shown
    as_agreed = checked(tmp_path, as_csv({}, {"channel": "fax"}))
    assert "as agreed" not in render("rejected", {**as_agreed.to_dict(), **facts})


def test_a_hostile_header_is_named_in_bounds():
    names = {f"{'x' * 10_000}{number}": number for number in range(2_000)}
    found = of_header(SALES, list(SALES.file_columns), names)
    assert len(found) < 50
    assert all(len(drift.message) < 300 for drift in found)
    assert all(isinstance(drift, Drift) for drift in found)


class Named(Sale):
    category: pl.String = pa.Field(nullable=False)


def test_only_a_column_that_may_be_missing_can_be_optional():
    optional = dataclasses.replace(SALES.reading, optional=("category",))
    dataclasses.replace(SALES, reading=optional)
    with pytest.raises(ContractInvalid, match="category must be nullable"):
        dataclasses.replace(SALES, row=Named, reading=optional)
    filled = (*SALES.cleaning, Fill("category", "other"))
    dataclasses.replace(SALES, row=Named, reading=optional, cleaning=filled)
    with pytest.raises(ContractInvalid, match="'sale_month', which no file has"):
        reading(optional=("sale_month",))
