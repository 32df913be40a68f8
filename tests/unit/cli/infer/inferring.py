"""Runs `sluice new` on files that are made for one trait each."""

from pathlib import Path

from typer.testing import CliRunner, Result

from cli.contracts.document import loaded
from cli.main import app
from sluice.contract.model import Contract


def run(root: Path, name: str, *files: Path) -> Result:
    return CliRunner().invoke(app, ["new", name, *map(str, files), "--root", str(root)])


def inferred(root: Path, *texts: str, encoding: str = "utf-8") -> Contract:
    """Return the contract that is inferred from files of these texts."""
    files = [root / f"file{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode(encoding))
    result = run(root, "things", *files)
    assert result.exit_code == 0, result.output
    return loaded("things", written(root))


def written(root: Path) -> str:
    return (root / "functions" / "datasets" / "things.py").read_text()


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def column(values: list[str], name: str = "reading") -> str:
    """Return a file of two columns: a key, and these values again and again, 40 rows."""
    return table(f"id;{name}", *(f"K{number};{values[number % len(values)]}" for number in range(40)))
