"""`sluice diff`: whether a change of a contract is compatible, and what it changes in the table."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.contracts.changes import Change, changes, needs_version
from cli.contracts.document import ContractDocument, document_of, written
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson

Named = "a dataset, a contract's .py file, or the .json that --save wrote"


def diff(
    old: Annotated[str, typer.Argument(help=f"The old contract: {Named}.")],
    new: Annotated[str, typer.Argument(help=f"The new contract: {Named}.")],
    save: Annotated[bool, typer.Option("--save", help="Write NEW to OLD (.json), if the version allows.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two versions of a contract: what changes for producers, for consumers, and in the values.

    Exit 0: compatible, or the version was raised. 1: incompatible under the same version. 2: wrong usage.

    Example: sluice diff tests/data/sales/contract.json sales
    """
    if save and not old.endswith(".json"):
        raise typer.BadParameter(f"--save writes a .json file, not {old}", param_hint="--save")
    after = document_of(new)
    before = after if save and not Path(old).exists() else document_of(old)
    found, refused = changes(before, after), needs_version(before, after)
    if save and not refused:
        Path(old).write_text(written(after))
    if as_json:
        listed = [asdict(change) for change in found]
        output.print_json({"changes": listed, "compatible": not any(c.breaks for c in found), "needs_version": refused})
    else:
        _print(before, after, found, refused)
    raise typer.Exit(1 if refused else 0)


def _print(old: ContractDocument, new: ContractDocument, found: list[Change], refused: bool) -> None:
    title = f"{new['dataset']}  version {old['version']} → {new['version']}"
    if not found:
        output.headline("the same", "bold green", title)
        return
    breaks = any(change.breaks for change in found)
    colour, result = ("red", "incompatible") if breaks else ("green", "compatible")
    output.headline(result, f"bold {colour}", title)
    table = Listing(("touches", "change", "what happens"), prose=("change", "what happens"))
    for change in found:
        table.add_row(change.touches, change.what, change.effect)
    table.print(output.out)
    if refused:
        output.out.print(f"Raise the contract's version above {old['version']}, so that its rows can be distinguished.")
