"""`sluice explain`: documents a contract for the producers of its files, and for tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import datasets
from cli.contracts import odcs
from cli.contracts.document import contract_document, written
from cli.contracts.page import markdown
from cli.terminal.options import AsJson
from sluice.contract import Contract, registry
from sluice.report.contract_page import html, page

DATA = Path(datasets.__file__).parents[2] / "tests" / "data"


class Format(StrEnum):
    """Formats of a contract's documentation."""

    MARKDOWN = "markdown"
    HTML = "html"
    ODCS = "odcs"
    JSON = "json"


def good_sample(contract: Contract) -> Path:
    """Return where the good sample of a dataset is, if it has one."""
    return DATA / contract.name / ("good.jsonl" if contract.reads_objects else "good.csv")


def explain(
    name: Annotated[str, typer.Argument(help="A dataset of functions/datasets.")],
    format_: Annotated[
        Format, typer.Option("--format", help="odcs: Open Data Contract Standard 3.1.")
    ] = Format.MARKDOWN,
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Document what a dataset's files must contain, and what happens to their rows.

    Exit 0: done. 2: unknown dataset.

    Example: sluice explain sales --format html --out sales.html
    """
    contract = registry.load(name)
    format_ = Format.JSON if as_json else format_
    if format_ is Format.ODCS:
        text = odcs.as_yaml(contract)
    elif format_ is Format.JSON:
        text = written(contract_document(contract))
    else:
        text = (html if format_ is Format.HTML else markdown)(page(contract, good_sample(contract)))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text)
