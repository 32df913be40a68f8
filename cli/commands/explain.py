"""`sluice explain`: a contract for the people who send the files, and for tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import datasets
from cli.contracts import odcs
from cli.contracts.document import contract_document, written
from cli.contracts.page import html, markdown, page
from sluice.contract import registry

SAMPLES = Path(datasets.__file__).parents[2] / "tests" / "data"


class Form(StrEnum):
    """How a contract can be told."""

    MARKDOWN = "markdown"
    HTML = "html"
    ODCS = "odcs"
    JSON = "json"


def explain(
    name: Annotated[str, typer.Argument(help="A dataset of functions/datasets.")],
    form: Annotated[Form, typer.Option("--format", help="odcs: Open Data Contract Standard 3.1.")] = Form.MARKDOWN,
    out: Annotated[Path | None, typer.Option(help="A file to write it to.")] = None,
) -> None:
    """Tell what a dataset's files must be like, and what becomes of their rows.

    Exit 0: told. 2: unknown dataset.

    Example: sluice explain sales --format html --out sales.html
    """
    contract = registry.load(name)
    if form is Form.ODCS:
        text = odcs.as_yaml(contract)
    elif form is Form.JSON:
        text = written(contract_document(contract))
    else:
        sample = SAMPLES / name / ("good.jsonl" if contract.reads_objects else "good.csv")
        text = (html if form is Form.HTML else markdown)(page(contract, sample))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text)
