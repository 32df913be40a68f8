"""`sluice diff` on the sales contract and changes of it, one at a time."""

import dataclasses
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData
from typer.testing import CliRunner, Result

from cli.contracts.changes import changes, needs_version
from cli.contracts.document import contract_document, read, written
from cli.main import app
from datasets.sales import Sale
from sluice.contract.declarations import Constant, Discard, Outliers, Partition, Reading, TextFormat, Unique
from sluice.contract.model import Contract
from sluice.contract.registry import load
from sluice.contract.steps import Lowercase
from sluice.errors import ContractInvalid

SALES = load("sales")


def reading(**values: object) -> dict[str, object]:
    return {"reading": dataclasses.replace(SALES.reading, **values)}


class Stricter(Sale):
    currency: pl.String = pa.Field(isin=["EUR"])


class Ruled(Sale):
    @pa.check("store_id")
    def store_id_is_short(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805 (pandera calls it so)
        return data.lazyframe.select(pl.col(data.key).str.len_chars() < 9)


class Typed(Sale):
    quantity: pl.Float64 = pa.Field(nullable=True)


class Gapless(Sale):
    category: pl.String


class Gappy(Sale):
    channel: pl.String = pa.Field(nullable=True)


class Wider(Sale):
    till: pl.String


class Loyal(Sale):
    loyalty: pl.String = pa.Field(nullable=True)


class Dated(Sale):
    due: pl.Date = pa.Field(nullable=True)


class Flagged(Sale):
    age_is_outlier: pl.Boolean


AGE = Outliers("customer_age", z_score=3, flag="age_is_outlier")

INCOMPATIBLE = {
    "a rule of the same name that tests more": ({"row": Stricter}, "producers", 'is_in([["EUR"]])'),
    "a new rule": ({"row": Ruled}, "producers", "store_id_is_short is new"),
    "another type": ({"row": Typed}, "consumers", "quantity is double instead of bigint"),
    "a column that must be there": ({"row": Gapless}, "producers", "category must be present"),
    "a column that may be missing": ({"row": Gappy}, "consumers", "channel may be missing"),
    "a new column of the files": ({"row": Wider}, "producers", "column till is added"),
    "another name of files": ({"files": ("sales/{date:%Y}.csv",)}, "producers", "files may not be named"),
    "a lower limit": ({"quarantine_limit": 0.1}, "producers", "at most 10% of a file may be bad, not 20%"),
    "another delimiter": (reading(format=dataclasses.replace(SALES.reading.format, delimiter=";")), "producers", "';'"),
    "another null marker": (reading(null_markers=("", "na")), "values", "'na' means that there is no value"),
    "a format of dates less": (
        reading(dates={"sale_date": ("%Y-%m-%d",)}),
        "producers",
        "sale_date is written %Y-%m-%d",
    ),
    "another zone of local times": (
        reading(time_zones={"updated_at": "Europe/Berlin"}),
        "values",
        "time_zones of updated_at: Europe/Berlin instead of none",
    ),
    "null markers of a column": (
        reading(null_markers={"category": ("", "na"), **dict.fromkeys(SALES.file_columns, SALES.reading.null_markers)}),
        "values",
        "null_markers_by_column of store_id",
    ),
    "a discard": ({"discard": (*SALES.discard, Discard("old", pl.col("store_id") == "S0"))}, "values", "as old"),
    "another discard": ({"discard": (Discard("test_transaction", pl.col("store_id") == "S0"),)}, "values", "S0"),
    "another key": ({"unique": Unique(("transaction_id", "store_id"))}, "values", "the key of a row"),
    "another imputation": ({"impute": {}}, "values", "imputed values: none"),
    "a constant that reads like a statistic": (
        {"impute": {**SALES.impute, "category": Constant("mode")}},
        "values",
        "category constant mode",
    ),
    "another cleaning": ({"cleaning": (Lowercase("channel"),)}, "values", "cleaning steps"),
    "another partition": ({"partition_by": (Partition("store_id"),)}, "consumers", "partitioned by store_id"),
    "another kind of table": ({"table": "iceberg"}, "consumers", "of the kind iceberg instead of parquet"),
    "a hashed column": ({"personal": {"transaction_id": "hash"}}, "consumers", "personal transaction_id: hash"),
    "a key in the name": ({"same_as_key": ("store_id",)}, "producers", "store_id must be that of the key"),
}

COMPATIBLE = {
    "a higher limit": {"quarantine_limit": 0.3},
    "a name of files more": {"files": (*SALES.files, "sales/{store_id}/{date:%Y%m%d}.csv")},
    "an alias": reading(aliases={"sku": "product_id"}),
    "a format of dates more, at the end": reading(
        dates={"sale_date": (*SALES.reading.dates["sale_date"], "%d.%m.%Y")},
    ),
    "unknown columns ignored": reading(unknown_columns="ignore"),
    "an optional column": reading(optional=("category",)),
    "a new column that files may lack": {"row": Loyal, **reading(optional=("loyalty",))},
    "a new date that files may lack": {
        "row": Dated,
        "personal": {"due": "drop"},
        **reading(optional=("due",), dates={**SALES.reading.dates, "due": ("%d.%m.%y",)}, century_pivots={"due": 2025}),
    },
    "a masked column": {"personal": {"customer_age": "keep"}},
    "a view of the latest rows": {"unique": dataclasses.replace(SALES.unique, across_files=True)},
    "another expected time": {"expected_every": timedelta(days=9)},
}


def changed(**values: object) -> Contract:
    return dataclasses.replace(SALES, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", INCOMPATIBLE)
def test_an_incompatible_change_needs_a_version(what: str):
    values, touches, message = INCOMPATIBLE[what]
    old, new = contract_document(SALES), contract_document(changed(**values))
    found = changes(old, new)
    assert [change.touches for change in found if message in change.what] == [touches], found
    assert all(change.effect for change in found)
    assert needs_version(old, new)
    assert not needs_version(old, contract_document(changed(**values, version=SALES.version + 1)))


@pytest.mark.parametrize("what", COMPATIBLE)
def test_a_compatible_change_needs_none(what: str):
    old, new = contract_document(SALES), contract_document(changed(**COMPATIBLE[what]))
    found = changes(old, new)
    assert {change.touches for change in found} == {"nobody"}
    assert not needs_version(old, new)


SHORT_YEARS = changed(**reading(dates={"sale_date": ("%d.%m.%y",)}, century_pivots={"sale_date": 2025}))

OF_READING: dict[str, Any] = {
    "format": TextFormat(delimiter=";"),
    "null_markers": (*SALES.reading.null_markers, "na"),
    "dates": {"sale_date": ("%d/%m/%y",)},
    "time_zones": {"updated_at": "Europe/Berlin"},
    "century_pivots": {"sale_date": 2030},
    "aliases": {"sku": "product_id"},
    "input_only": ("is_test", "till"),
    "optional": ("category",),
    "unknown_columns": "ignore",
    "decimal_comma": True,
}
OF_FORMAT: dict[str, Any] = {
    "delimiter": ";",
    "quote": "'",
    "encoding": "cp1252",
    "escape": "\\",
    "trailing_delimiter": True,
    "quoted_empty_is_text": True,
    "skip_lines": 1,
}


def test_each_declaration_of_reading_is_compared():
    assert OF_READING.keys() == {field.name for field in dataclasses.fields(Reading)}
    assert OF_FORMAT.keys() == {field.name for field in dataclasses.fields(TextFormat)}
    old = SHORT_YEARS.reading
    others = {name: dataclasses.replace(old, **{name: value}) for name, value in OF_READING.items()}
    for name, value in OF_FORMAT.items():
        others[name] = dataclasses.replace(old, format=dataclasses.replace(old.format, **{name: value}))
    documents = {name: contract_document(changed(reading=other)) for name, other in others.items()}
    assert [name for name, new in documents.items() if len(changes(contract_document(SHORT_YEARS), new)) != 1] == []


def test_a_new_derived_column_is_one_that_older_rows_lack():
    new = contract_document(changed(row=Flagged, outliers=(*SALES.outliers, AGE)))
    effects = {change.what: change.effect for change in changes(contract_document(SALES), new)}
    assert effects["column age_is_outlier is added"] == "rows published before have no value in it"


def test_what_an_older_sluice_wrote_can_be_read(tmp_path: Path):
    older = contract_document(SALES)
    del older["reading"]["optional"]
    (tmp_path / "contract.json").write_text(written(older))
    assert changes(read(tmp_path / "contract.json"), contract_document(SALES)) == []
    (tmp_path / "contract.json").write_text("{}")
    with pytest.raises(ContractInvalid, match="is no contract"):
        read(tmp_path / "contract.json")


def test_the_same_contract_has_no_changes():
    assert changes(contract_document(SALES), json.loads(written(contract_document(SALES)))) == []


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def source_with(folder: Path, **replaced: str) -> Path:
    """Write the sales contract's source with these texts in the place of others."""
    text = Path(__file__).parents[4].joinpath("functions", "datasets", "sales.py").read_text()
    for name, value in replaced.items():
        text, count = re.subn(rf"{name}=[^\n]*,", f"{name}={value},", text)
        assert count == 1
    path = folder / "sales.py"
    path.write_text(text)
    return path


def test_a_file_is_compared_with_the_dataset(tmp_path: Path):
    stricter = source_with(tmp_path, quarantine_limit="0.1")
    result = run("sales", stricter)
    assert result.exit_code == 1
    assert "incompatible" in result.stdout
    assert "Raise the contract's version above 1" in result.stdout
    assert run(stricter, "sales").exit_code == 0
    assert run("sales", source_with(tmp_path, quarantine_limit="0.1", version="2")).exit_code == 0


def test_a_saved_contract_is_only_replaced_by_what_its_version_allows(tmp_path: Path):
    agreed = tmp_path / "contract.json"
    assert run(agreed, "sales", "--save").exit_code == 0
    before = agreed.read_text()
    assert json.loads(before)["quarantine_limit"] == 0.2
    assert run(agreed, source_with(tmp_path, quarantine_limit="0.1"), "--save").exit_code == 1
    assert agreed.read_text() == before
    raised = source_with(tmp_path, quarantine_limit="0.1", version="2")
    assert run(agreed, raised, "--save", "--json").exit_code == 0
    assert json.loads(agreed.read_text())["version"] == 2
    assert run("sales", "sales", "--save").exit_code == 2
