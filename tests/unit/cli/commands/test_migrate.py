"""Which files `sluice migrate` cleans again, and what it says of them before."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cli.commands import migrate
from sluice.contract.registry import load
from sluice.engines.accounting import declared_tables
from tests.unit.publish.test_tables import MANIFEST

SALES = replace(load("sales"), version=3)
NOW = declared_tables(SALES)


def entry(key: str, **more: Any) -> dict[str, Any]:
    now = {"dataset": "sales", "contract_version": 3, "rows": 10, "cost_usd": 0.25, "cleaning_seconds": 2.0}
    return {"source": f"s3://raw/{key}", "version": "1", **now, **more}


ENTRIES = [
    entry("sales/S1/2025-03-01.csv"),
    entry("sales/S1/2025-03-02.csv", contract_version=1),
    entry("sales/S1/2025-03-03.csv", contract_version=1, rows=5),
    entry("sales/S1/2025-03-04.csv", dataset="sales_old", contract_version=7),
    entry("sales/S1/2025-03-05.csv", contract_version=2, rows=0),
    entry("flights/2025.csv", dataset="flights", contract_version=1),
    entry("no/dataset's", dataset="gone", contract_version=1),
]
REPLACED = entry("sales/S1/2025-03-06.csv", contract_version=1)
FORMER = replace(
    MANIFEST,
    schema=[{"name": "fax", "type": "string"}, *NOW.schema[1:-1], {**NOW.schema[-1], "type": "string"}],
    partition_columns=[],
)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(migrate.history, "changed", lambda *_, **__: [*ENTRIES, REPLACED])
    monkeypatch.setattr(migrate.history, "published_now", lambda _, found: [each for each in found if each in ENTRIES])
    monkeypatch.setattr(migrate.history, "heads", lambda _, uris: {uri: {"published_manifest": uri} for uri in uris})
    monkeypatch.setattr(migrate, "read_manifest", lambda *_: SimpleNamespace(account=FORMER))
    return SimpleNamespace(lake="lake", client=lambda _: None, key=lambda uri: uri.removeprefix("s3://raw/"))


def chosen(stack: Any) -> list[dict[str, Any]]:
    return migrate._outdated(stack, SALES)


def test_files_of_older_versions_and_of_other_names_are_chosen_by_their_keys(stack: Any):
    assert [each["source"][-6:-4] for each in chosen(stack)] == ["02", "03", "04"]


def test_the_plan_has_a_line_for_each_version_and_says_what_is_otherwise_now(
    stack: Any, capsys: pytest.CaptureFixture[str]
):
    groups = list(migrate._groups(stack, SALES, chosen(stack)))
    assert [(g.dataset, g.version, g.files, g.rows, g.cost_usd, g.cleaning_seconds) for g in groups] == [
        ("sales", 1, 2, 15, 0.5, 4.0),
        ("sales_old", 7, 1, 10, 0.25, 2.0),
    ]
    last = NOW.schema[-1]
    assert groups[0].columns == [
        "fax is no longer there",
        f"{NOW.schema[0]['name']} is new",
        "sale_month is new",
        f"{last['name']} is {last['type']} instead of string",
        "partitioned by sale_month",
    ]
    migrate._print_plan(SALES, groups)
    shown = capsys.readouterr().err
    assert "to sales version 3: 3 files, 25 rows, about $0.75 and 6 s of cleaning" in shown


@pytest.mark.parametrize(("version", "code"), [("2", 1), (None, 1), ("3", None), ("4", None)])
def test_what_is_not_deployed_cannot_be_migrated_to(version: str | None, code: int | None):
    class Missing(Exception):
        """What Glue raises."""

    def get_table(**_: str) -> Any:
        if version is None:
            raise Missing
        return {"Table": {"Parameters": {"sluice.contract_version": version}}}

    glue = SimpleNamespace(get_table=get_table, exceptions=SimpleNamespace(EntityNotFoundException=Missing))
    stack: Any = SimpleNamespace(name="acme", client=lambda _: glue, output=lambda _: "database")
    if code is None:
        migrate._require_deployed(stack, SALES)
    else:
        with pytest.raises(SystemExit) as refused:
            migrate._require_deployed(stack, SALES)
        assert refused.value.code == code
