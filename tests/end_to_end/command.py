"""Runs the `sluice` command in this process, as a person would at a prompt."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.sales_rows import as_csv


class Command:
    """Call it with the words of a command line."""

    def __call__(self, *words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)

    def put(self, folder: Path, key: str, *rows: dict[str, str], code: int = 0) -> Any:
        """Write a sales file of these changes of good rows, put it, and return its entry of the ledger."""
        (entry,) = self.json("put", sales_file(folder, key, *rows), code=code)
        return entry


def sales_file(folder: Path, key: str, *rows: dict[str, str]) -> Path:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_csv(*rows))
    return path
