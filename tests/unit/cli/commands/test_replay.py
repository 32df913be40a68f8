"""Which files of a dataset `sluice replay` cleans again, and what it says before."""

from typing import Any

import click
import pytest

from cli.commands import replay

ENTRIES = [
    {"source": "s3://raw/a.csv", "contract_version": 1, "rows": 10, "quarantined": 0, "cost_usd": 0.001},
    {"source": "s3://raw/b.csv", "contract_version": 2, "rows": 20, "quarantined": 3, "cost_usd": 0.002},
    {"source": "s3://raw/c.csv", "contract_version": 1, "rows": 1_200, "quarantined": 1, "cost_usd": 2.5},
]


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay.history, "changed", lambda *_, **__: ENTRIES)
    monkeypatch.setattr(replay.history, "published_now", lambda _, entries: entries)


def chosen(**options: Any) -> set[str]:
    defaults: dict[str, Any] = {"every": False, "older_than": None, "yes": True}
    found = replay._of_dataset(None, "sales", **{**defaults, **options})  # type: ignore[arg-type]
    return {uri.rsplit("/", 1)[-1] for uri in found}


def test_all_files_the_older_ones_or_those_with_quarantined_rows_are_chosen():
    assert chosen() == {"b.csv", "c.csv"}
    assert chosen(every=True) == {"a.csv", "b.csv", "c.csv"}
    assert chosen(older_than=2) == {"a.csv", "c.csv"}
    assert chosen(older_than=1) == set()


def test_the_plan_says_files_rows_and_cost_and_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(click.Abort))
    with pytest.raises(click.Abort):
        chosen(older_than=2, yes=False)
    assert "2 files, 1,210 rows, about $2.50" in capsys.readouterr().err
