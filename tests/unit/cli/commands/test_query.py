"""What `sluice query --json` prints is JSON."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.commands import query
from cli.main import app


def test_a_cell_without_a_value_is_null_and_every_other_as_it_is(monkeypatch: pytest.MonkeyPatch):
    times = pd.to_datetime(pd.Series(["2025-07-01", None]))
    rows = pd.DataFrame({"k": ["NaT", None], "v": [1.5, np.nan], "at": times, "n": pd.array([7, None], dtype="Int64")})
    rows["some"] = [np.array([1.0, np.nan]), [{"a": float("inf")}]]
    monkeypatch.setattr(query, "connect", lambda *_: SimpleNamespace())
    monkeypatch.setattr(query, "select", lambda *_: rows)
    printed = CliRunner().invoke(app, ["query", "SELECT 1", "--json"]).stdout

    def no_json(text: str) -> None:
        raise ValueError(text)

    first, second = json.loads(printed, parse_constant=no_json)
    assert first == {"k": "NaT", "v": 1.5, "at": "2025-07-01 00:00:00", "n": 7, "some": [1.0, None]}
    assert second == {"k": None, "v": None, "at": None, "n": None, "some": [{"a": None}]}
