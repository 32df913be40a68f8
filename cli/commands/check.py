"""`sluice check`: validates a file on this machine, without AWS."""

from typing import Annotated

import typer

from cli.terminal import output
from cli.terminal.options import AsJson, Dataset, File
from sluice.contract import registry
from sluice.read.source import FileSource
from sluice.validate import validator


def check(
    file: File,
    dataset: Dataset,
    key: Annotated[str | None, typer.Option(help="The object key of the later upload.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check whether a file would be accepted, and print the reasons and rows that would be quarantined.

    Exit 0: accepted. 1: rejected. 2: wrong usage or unknown dataset.

    Example: sluice check day.csv --dataset sales --key sales/S001/2025-03-05.csv
    """
    contract = registry.load(dataset)
    with output.progress("checking") as progress:
        report = validator.check(contract, FileSource(file), key, progress)
    if as_json:
        output.print_json(report.to_dict())
    else:
        output.report_table(str(file), report)
    raise typer.Exit(0 if report.accepted else 1)
