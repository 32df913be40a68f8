import dataclasses
import json
import re
from importlib import resources
from pathlib import Path

import jsonschema
import pandera.polars as pa
import polars as pl
import pytest
import yaml
from pandera.polars import PolarsData
from typer.testing import CliRunner

from cli.commands.explain import good_sample
from cli.contracts import odcs
from cli.contracts.document import contract_document
from cli.contracts.page import markdown
from cli.main import app
from sluice.contract import registry
from sluice.contract.declarations import Constant, Outliers, Reading, TextFormat
from sluice.contract.model import Contract
from sluice.contract.registry import load
from sluice.contract.steps import Fill, MapValues
from sluice.report.contract_page import html, page, words

STANDARD = json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text())


class Visit(pa.DataFrameModel):
    """A visit of <somebody> | anybody."""

    visitor: pl.String
    kind: pl.String = pa.Field(nullable=True)
    seconds: pl.Float64 = pa.Field(nullable=True)
    came: pl.Datetime("us") = pa.Field(nullable=True)

    @pa.check("seconds")
    def seconds_is_from_minus_1_to_9(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805 (pandera calls it so)
        return data.lazyframe.select(pl.col(data.key).is_between(-1, 9))


VISITS = Contract(
    name="visits",
    version=7,
    row=Visit,
    files=("visits/{day:%Y%m%d}.txt",),
    reading=Reading(
        format=TextFormat(delimiter="|", encoding="latin-1", skip_lines=1),
        null_markers=("", "?"),
        dates={"came": ("%d.%m.%y %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%z")},
        time_zones={"came": "Europe/Berlin"},
        century_pivots={"came": 2030},
        aliases={"Besucher": "visitor"},
        optional=("kind", "came"),
        unknown_columns="keep",
        decimal_comma=True,
    ),
    cleaning=(MapValues("kind", {"w": "web"}), Fill("kind", "shop")),
    impute={"seconds": Constant("0")},
    outliers=(Outliers("seconds", iqr=1.5, clip=True),),
    quarantine_limit=0.05,
    personal={"visitor": "drop"},
)


@pytest.mark.parametrize("dataset", sorted(registry.contracts()))
def test_every_column_rule_and_name_of_a_dataset_is_on_its_page(dataset: str):
    contract = load(dataset)
    text = markdown(page(contract, good_sample(contract)))
    for column in (*contract.file_columns, *contract.derived):
        assert f"`{column}`" in text
    for pattern in contract.files:
        assert f"`{pattern}`" in text
    for name, column in contract.row_schema.columns.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| `{name}`"))
        assert ("| yes |" in line) == (not column.nullable)
        for reason in contract_document(contract)["columns"][name]["rules"]:
            fact = words(reason, name)
            assert fact in line or (fact == "is in set" and "is one of" in line)


def test_a_page_says_what_the_contract_says():
    text = markdown(page(VISITS, None))
    for sentence in (
        "# visits, version 7",
        "such as `visits/20250305.txt`",
        "CSV with a header in line 2",
        "time, such as 05.03.25 14:07:09.25 or 2025-03-05 14:07:09.25+00:00, local time of Europe/Berlin, "
        "years of two digits are 1931 to 2030",
        "fields parted by vertical bars, in LATIN-1",
        "so does '?'",
        "The column visitor may be called 'Besucher'.",
        "The column kind may be absent.",
        "kept together as JSON in the column _extra",
        "Numbers have a decimal comma",
        "is from -1 to 9",
        "is about people: not published",
        "More than 5% of its rows",
        "kind: w is published as web.",
        "kind: a missing value is 'shop'.",
        "seconds: a missing value is published as 0.",
        "it is moved to the nearest limit",
    ):
        assert sentence in text


LISTED = ['say "hi", ok', "back\\slash", "]])", "a, b"]


class Ticket(pa.DataFrameModel):
    """A ticket."""

    kind: pl.String = pa.Field(isin=LISTED)
    size: pl.Int64 = pa.Field(notin=[3, 4])
    code: pl.String = pa.Field(str_matches=r'^"\d["]$')
    part: pl.String = pa.Field(str_contains=re.compile("[0-9]"))
    begin: pl.String = pa.Field(str_startswith='"A"')


def test_values_and_patterns_are_shown_as_they_are_whatever_characters_they_have():
    tickets = Contract(name="tickets", version=1, row=Ticket, files=("tickets/{day}.csv",))
    assert {field.name: field.rules for field in page(tickets, None).fields} == {
        "kind": ['is one of say "hi", ok, back\\slash, ]]), a, b'],
        "size": ["is none of 3, 4"],
        "code": [r'matches pattern: ^"\d["]$'],
        "part": ["contains pattern: [0-9]"],
        "begin": ['starts with: "A"'],
    }
    kind = odcs.document(tickets)["schema"][0]["properties"][0]
    assert kind["quality"][0]["arguments"] == {"validValues": LISTED}


def test_examples_are_those_of_the_sample_and_people_are_masked(tmp_path: Path):
    sample = tmp_path / "good.csv"
    sample.write_bytes("Visits of May\nBesucher|kind|seconds\nZoë|w|1,5\n".encode("latin-1"))
    text = markdown(page(VISITS, sample))
    assert "Zoë" not in text
    assert "***|w|1,5" in text
    assert "| `kind` | text | no |  | `w` |" in text


def test_the_html_page_escapes_and_loads_nothing():
    text = html(page(VISITS, None))
    assert "A visit of &lt;somebody&gt; | anybody." in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("contract", [*registry.contracts().values(), VISITS], ids=lambda contract: contract.name)
def test_the_document_is_valid_by_the_standards_schema(contract: Contract):
    assert odcs.API_VERSION in STANDARD["properties"]["apiVersion"]["enum"]
    document = yaml.safe_load(odcs.as_yaml(contract))
    jsonschema.Draft201909Validator(STANDARD).validate(document)
    properties = document["schema"][0]["properties"]
    assert [each["name"] for each in properties] == list(contract.published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(STANDARD).validate(document | {"kind": "DataPromise"})


def test_the_document_has_keys_partitions_and_rules():
    table = odcs.document(load("sales"))["schema"][0]
    found = {each["name"]: each for each in table["properties"]}
    assert found["transaction_id"]["primaryKey"]
    assert found["sale_month"]["partitioned"]
    assert found["unit_price"]["physicalType"] == "decimal(12,2)"
    assert found["channel"]["quality"][0]["arguments"] == {"validValues": ["online", "in_store", "mobile", "partner"]}
    personal = dataclasses.replace(load("sales"), personal={"customer_age": "keep"})
    found = {each["name"]: each for each in odcs.document(personal)["schema"][0]["properties"]}
    assert found["customer_age"]["classification"] == "personal"


@pytest.mark.parametrize("name", ["markdown", "html", "odcs", "json"])
def test_every_format_can_be_written_to_a_file(name: str, tmp_path: Path):
    printed = CliRunner().invoke(app, ["explain", "flights", "--format", name])
    out = tmp_path / "page"
    assert CliRunner().invoke(app, ["explain", "flights", "--format", name, "--out", str(out)]).exit_code == 0
    assert "sched_dep_time" in printed.stdout
    assert out.read_text() == printed.stdout
