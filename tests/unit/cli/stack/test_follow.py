"""While a command waits, it says for what."""

from typing import Any

import pytest

from cli.stack import executions, follow, history
from cli.stack.connection import Stack
from cli.stack.follow import Upload
from sluice.ledger.ledger import HEAD

URI = "s3://raw/sales/S001/2025-03-05.csv"


def test_a_replaced_file_is_followed_until_its_old_rows_are_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    states = iter(["WaitForQueries", "RemoveReplaced", ""])
    items = {
        "v2": {"source": URI, "version": "v2", "status": "PUBLISHED", "run_id": "sales-2"},
        HEAD: {"source": URI, "version": HEAD, "published_run": "sales-2", "replaced": ["sales-1"]},
    }

    def entries(_: Stack, versions: Any) -> dict[tuple[str, str], Any]:
        return {(uri, version): items[version] for uri, version in versions}

    monkeypatch.setattr(history, "entries", entries)
    monkeypatch.setattr(executions, "state_of", lambda *_: next(states))
    monkeypatch.setattr(follow, "_PAUSE", 0)
    stack = Stack("sluice", None, {"RawBucketName": "raw"}, local=True)
    assert follow.follow(stack, [Upload(URI, "v2")], quiet=False) == [items["v2"]]
    assert list(states) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert "PUBLISHED" in line
    assert "ReplaceGraceSeconds" in line
