"""Writes pages as Sluice writes them, of small files that went through it, for a browser to open.

Runs with the main environment: python -m tests.browser.writing FOLDER. Beside the pages lies expected.json, which says
of each page what a reader must find on it: `numbers` (out of the manifests), `says` and `never` (texts).
"""

import json
import os
import random
import sys
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
from moto import mock_aws

from cli.commands.explain import good_sample
from sluice.aws.object_keys import (
    dataset_page_key,
    manifest_key,
    rejected_page_key,
    report_key,
    run_key,
    run_page_key,
)
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import put_json
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.ledger.runs import Run
from sluice.report.contract_page import html, page
from tests.browser.hostile import HOSTILE
from tests.unit.cloud import ENVIRONMENT, WORK, Cloud
from tests.unit.sales_rows import as_csv

PERSONAL = {"transaction_id": "hash", "customer_age": "keep", "channel": "drop"}
PEOPLE = ("zqpeople", "zq-age", "zq-channel")


@dataclass(frozen=True)
class Expected:
    """What must, and must not, stand on a page."""

    numbers: dict[str, int] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)


class Shelf:
    """A folder of pages, filled out of an AWS in this process."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.folder = folder
        self.cloud = cloud
        self.expected: dict[str, Expected] = {}

    def lay(self, name: str, key: str, expected: Expected) -> None:
        """Put the page with this key on the shelf."""
        self.write(name, self.cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read().decode(), expected)

    def write(self, name: str, html: str, expected: Expected) -> None:
        (self.folder / f"{name}.html").write_text(html)
        self.expected[name] = expected
        (self.folder / "expected.json").write_text(
            json.dumps({name: asdict(expected) for name, expected in self.expected.items()})
        )

    def run(self, key: str, body: str) -> ObjectVersion:
        source = self.cloud.put(key, body)
        self.cloud.run(source)
        self.cloud.describe()
        return source

    def run_id(self, source: ObjectVersion) -> str:
        return str(self.cloud.ledger.entry(source)["run_id"])

    def document(self, key: str) -> Any:
        return json.loads(self.cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read())

    def manifest(self, source: ObjectVersion) -> dict[str, Any]:
        found: dict[str, Any] = self.document(manifest_key(self.run_id(source), source))
        return found

    def numbers(self, *sources: ObjectVersion) -> dict[str, int]:
        """Return the sums of what these sources' manifests say, under the ids of the pages."""
        manifests = [self.manifest(source) for source in sources]
        sums = {name: sum(each[name] for each in manifests) for name in ("rows_in", "published", "quarantined")}
        return {**sums, "discarded": sum(sum(each["discarded"].values()) for each in manifests)}


def day(rows: int, seed: int, *, bad: float = 0.04) -> str:
    """Return a day of a shop: prices with a long tail, some gaps, outliers, bad rows and tests of the till."""
    chance = random.Random(seed)  # noqa: S311 (the same pages every time)
    noon = datetime(2025, 3, 5, 12, tzinfo=UTC)
    made = []
    for number in range(rows):
        price = round(chance.lognormvariate(3, 0.8), 2)
        row = {
            "product_id": f"P{min(int(chance.expovariate(0.02)), 399)}",
            "sale_date": str(date(2025, 3, 1) + timedelta(days=chance.randrange(28))),
            "quantity": str(chance.choice([1, 1, 1, 2, 2, 3, 4, 5, 6, ""])),
            "unit_price": str(price * 20 if number % 400 == 7 else price),
            "currency": chance.choice(["EUR", "usd", "GBP"]),
            "channel": chance.choice(["online", "in_store", "mobile", "partner"]),
            "category": chance.choice(["grocery", "apparel", "toys", "garden", ""]),
            "customer_age": str(int(chance.gauss(45, 14)) % 100),
            "updated_at": (noon + timedelta(minutes=chance.randrange(900))).strftime("%Y-%m-%dT%H:%M:%S"),
        }
        if number % 50 == 3:
            row["transaction_id"] = f"TEST{number}"
        elif chance.random() < bad:
            row |= chance.choice([{"channel": "fax"}, {"product_id": ""}, {"quantity": "0"}, {"currency": "DEM"}])
        made.append(row)
    return as_csv(*made)


def usual(shelf: Shelf) -> None:
    """A run of one file, after eight others; and its dataset."""
    sources = [
        shelf.run(f"sales/S010/2025-03-{number:02}.csv", day(900 + 40 * number, number)) for number in range(1, 9)
    ]
    latest = shelf.run("sales/S010/2025-03-28.csv", day(6400, 28))
    manifest = shelf.manifest(latest)
    names = [*manifest["reasons"], *manifest["discarded"], "every row is accounted for"]
    shelf.lay("run", run_page_key(shelf.run_id(latest)), Expected(shelf.numbers(latest), names))
    rejected(shelf)
    every = shelf.numbers(*sources, latest)
    shelf.lay("dataset", dataset_page_key("sales"), Expected(every, ["9 files PUBLISHED, 2 files REJECTED"]))
    again = shelf.run(latest.key, day(3000, 5))
    old = shelf.numbers(latest)
    shelf.lay("replaced", run_page_key(shelf.run_id(latest)), Expected(old, ["replaced", "by a later run"]))
    now = {**shelf.numbers(*sources, again), "replaced": old["published"]}
    shelf.lay("dataset-replaced", dataset_page_key("sales"), Expected(now, ["1 file REPLACED", "replaced since"]))


def rejected(shelf: Shelf) -> None:
    """Two files that were refused: of one too many rows are bad, the other's columns are not the agreed ones."""
    bad = day(200, 3, bad=0.6)
    lines = day(200, 4).splitlines()
    wide = "\n".join([f"{lines[0]},loyalty_card", *(f"{line},7" for line in lines[1:])])
    for name, body in (("rejected", bad), ("rejected-columns", wide)):
        source = shelf.cloud.put(f"sales/S011-{name}/2025-03-05.csv", body)
        shelf.cloud.validate(source)
        shelf.cloud.describe()
        _lay_rejected(shelf, name, source, ["Nothing of this file was published"])


def partly(shelf: Shelf) -> None:
    """A run of three files of which one failed."""
    sources = [shelf.cloud.put(f"sales/S02{number}/2025-03-05.csv", day(300, number)) for number in range(3)]
    run = Run.of("sales", sources)
    put_json(shelf.cloud.s3, WORK, run_key(run.run_id), run.to_dict())
    error = {"Error": "RowsLost", "Cause": "Athena counts 281 rows of this file, its manifest says 282."}
    for source in sources:
        shelf.cloud.validate(source)
        shelf.cloud.ledger.accept(source, run_id=run.run_id)
        for name in ("claim", "clean", "reconcile", "publish"):
            shelf.cloud.step(name, source)
    shelf.cloud.step("complete", sources[0])
    shelf.cloud.step("complete", sources[1])
    shelf.cloud.step("undo", sources[2], error=error)
    failed = [{"source": sources[2].to_dict(), "error": error}]
    shelf.cloud.invoke("report", {"run_id": run.run_id, "dataset": "sales", "failed": failed})
    shelf.cloud.describe()
    says = ["1 of 3 files failed", error["Cause"], f"sluice redrive {run.run_id}", *(each.key for each in sources)]
    shelf.lay("partly", run_page_key(run.run_id), Expected(shelf.numbers(*sources[:2]), says))


def hostile(shelf: Shelf) -> None:
    """Files whose names and cells try to be more than text: one published, one rejected."""
    cells = [{"channel": value, "category": value} for value in HOSTILE]
    pages = [{"category": value} for value in HOSTILE]
    name = "".join(HOSTILE).replace("/", "|")
    source = shelf.run(f"sales/{name}/2025-03-05.csv", as_csv(*[{}] * 30, *pages, *cells))
    says = ["<script>ran = 1</script>", "<img src=x onerror=ran=1>", "\\u202e"]
    shelf.lay("hostile", run_page_key(shelf.run_id(source)), Expected(shelf.numbers(source), says))
    refused = shelf.cloud.put(f"sales/{name}/2025-03-06.csv", as_csv({}, *cells))
    shelf.cloud.validate(refused)
    shelf.cloud.describe()
    _lay_rejected(shelf, "hostile-rejected", refused, says)
    sample = shelf.folder / "sample.csv"
    sample.write_text(as_csv({"category": "".join(HOSTILE[:2])}))
    shelf.write("hostile-contract", html(page(registry.load("sales"), sample)), Expected(says=says[:2]))


def personal(shelf: Shelf, contract: Contract) -> None:
    """A file about people, with values that stand nowhere else."""
    early = shelf.cloud.put("members/S009/2025-03-05.csv", as_csv({"customer_age": "zq-age"}))
    shelf.cloud.validate(early)
    shelf.cloud.describe()
    expected = Expected(
        dict.fromkeys(("rows_in", "published", "quarantined", "discarded"), 0), ["nothing published yet"]
    )
    shelf.lay("dataset-awaiting", dataset_page_key("members"), replace(expected, never=list(PEOPLE)))
    people = [{"transaction_id": f"zqpeople-{number}"} for number in range(20)]
    wrong = [{"customer_age": "zq-age"}, {"channel": "zq-channel"}, {"product_id": "", "transaction_id": "zqpeople"}]
    source = shelf.run("members/S010/2025-03-05.csv", as_csv(*people, *wrong))
    says = ["personal: no value is shown", "row 21: ***", "row 22: ***"]
    shelf.lay("personal", run_page_key(shelf.run_id(source)), Expected(shelf.numbers(source), says, list(PEOPLE)))
    sample = shelf.folder / "sample.csv"
    sample.write_text(as_csv({"transaction_id": "zqpeople", "customer_age": "zq-age", "channel": "zq-channel"}))
    expected = Expected(says=["***", "masked in reports"], never=list(PEOPLE))
    shelf.write("personal-contract", html(page(contract, sample)), expected)


def contracts(shelf: Shelf) -> None:
    """The contract pages of a table with dates in many forms, of a wide one, and of records."""
    for name in ("sales", "flights", "sentiment"):
        contract = registry.load(name)
        expected = Expected(says=[name, f"contract, version {contract.version}", *contract.parsed])
        shelf.write(f"contract-{name}", html(page(contract, good_sample(contract))), expected)


def wide(shelf: Shelf, count: int) -> None:
    """Runs of a table with so many columns: in the latest run one is far from where it was, under a new contract."""
    names = [f"c{number:03}" for number in range(count)]
    kinds = {name: (pl.String, pl.Int64, pl.Float64)[at % 3] for at, name in enumerate(names)}
    fields = {name: pa.Field(nullable=True) for name in names}
    row = type("Wide", (pa.DataFrameModel,), {"__doc__": "Readings.", "__annotations__": kinds, **fields})
    contract = Contract(name=f"wide{count}", version=1, row=row, files=(f"wide{count}/{{date:%Y-%m-%d}}.csv",))
    chance = random.Random(count)  # noqa: S311 (the same pages every time)
    for run in range(7):
        registry.contracts()[contract.name] = replace(contract, version=1 if run < 4 else 2)
        far = 900 if run == 6 else 50
        lines = [",".join(names)]
        for number in range(120):
            values = {pl.String: "abc"[number % 3], pl.Int64: str(number * 7), pl.Float64: f"{chance.gauss(50, 3):.2f}"}
            cells = [values[kinds[name]] if chance.random() > 0.1 else "" for name in names]
            lines.append(",".join([*cells[:-1], f"{chance.gauss(far, 9):.2f}"]))
        source = shelf.run(f"wide{count}/2025-03-0{run + 1}.csv", "\n".join(lines) + "\n")
    says = [f"1 of {count} changed, first", "identifier: its values are not compared", "a new version of the contract"]
    folded = [f"{count - 24} more columns, none of them changed"] if count > 24 else []
    expected = Expected(shelf.numbers(source), [*says, *folded])
    shelf.lay(f"columns-{count}", run_page_key(shelf.run_id(source)), expected)


def site(shelf: Shelf) -> None:
    """Lay all pages, and what they lead to, as they lie in the work bucket."""
    for listed in shelf.cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=WORK):
        for key in (entry["Key"] for entry in listed["Contents"]):
            if key.endswith((".html", ".csv")):
                path = shelf.folder / "site" / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(shelf.cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read())


def _lay_rejected(shelf: Shelf, name: str, source: ObjectVersion, says: list[str]) -> None:
    report = shelf.document(report_key(source))
    numbers = {
        "rows_in": report["rows"],
        "quarantined": report["would_quarantine"],
        "discarded": sum(report["discarded"].values()),
    }
    shelf.lay(
        name, rejected_page_key(source.id), Expected(numbers if report["rows"] else {}, [*says, *report["reasons"]])
    )


def write(folder: Path) -> None:
    """Write all pages into a folder, and expected.json beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(ENVIRONMENT, SLUICE_HASH_KEY="of a test", POWERTOOLS_LOG_LEVEL="CRITICAL")
    with mock_aws():
        shelf = Shelf(folder, Cloud())
        contracts(shelf)
        usual(shelf)
        partly(shelf)
        hostile(shelf)
        members = replace(
            registry.load("sales"), name="members", files=("members/{store_id}/{date:%Y-%m-%d}.csv",), personal=PERSONAL
        )
        registry.contracts()["members"] = members
        personal(shelf, members)
        for count in (3, 60, 300):
            wide(shelf, count)
        site(shelf)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
