"""What `sluice put` refuses before it uploads anything."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("s3://raw/sales/S001/2025-03-05.csv", "a key has no s3:// and no bucket"),
        ("orders/2025-03-05.csv", "sluice up"),
        ("sales/S001/5.3.2025.csv", "sales/{store_id}/{date:%Y-%m-%d}.csv"),
    ],
)
def test_a_key_that_no_dataset_would_take_is_refused_with_advice(tmp_path: Path, key: str, advice: str):
    file = tmp_path / "day.csv"
    file.write_text("a\n")
    answer = CliRunner().invoke(app, ["put", str(file), "--key", key], env={"COLUMNS": "200"})
    assert answer.exit_code == 2
    assert advice in answer.output
