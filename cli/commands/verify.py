"""`sluice verify`: compares what the ledger promises with what is there, and repairs what is safe to repair."""

import time
from collections import Counter
from typing import Annotated

import typer

from cli.stack import athena
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.repair_lake import repair
from cli.terminal import output
from cli.terminal.options import AsJson, OnlyDataset
from sluice.publish.inventory import Stores
from sluice.publish.verify import ADVICE, HARMLESS, REPAIRABLE, Difference
from sluice.publish.verify import verify as differences

_MOST = 20
"""Differences of one kind that are printed; --json prints all."""


def verify(
    dataset: OnlyDataset = None,
    repair_safe: Annotated[
        bool, typer.Option("--repair", help="Repair what is safe to repair, then compare again.")
    ] = False,
    query: Annotated[bool, typer.Option(help="Also count the rows of each table with Athena.")] = True,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, manifests, objects, raw files, tables, partitions and what Athena counts.

    Every difference is named with what to do about it. Runs that go on meanwhile are no difference. --repair removes
    objects and manifests that no item of the ledger names and that are older than an hour, removes what a newer
    version has replaced, registers partitions that are missing and drops those that are empty, and swaps a source's
    files in an Iceberg table for those that the ledger promises. It changes no row that the ledger promises.

    Exit 0: no difference but empty partitions. 1: other differences are left. 2: no stack.

    Example: sluice verify --dataset sales --repair
    """
    where = connect(stack, profile, region)
    found = _found(where, dataset, query=query)
    repaired: list[Difference] = []
    if repair_safe:
        repaired = [each for each in found if each.kind in REPAIRABLE]
        for each in repaired:
            repair(where, each)
        found = _found(where, dataset, query=query) if repaired else found
    if as_json:
        listed = {"differences": found, "repaired": repaired}
        output.print_json({name: [each.to_dict() for each in some] for name, some in listed.items()})
    else:
        _print(found, repaired)
    raise typer.Exit(1 if _harmful(found) else 0)


def stores(stack: Stack) -> Stores:
    """Return what verify compares, of a stack."""
    return Stores(
        s3=stack.client("s3"),
        dynamodb=stack.client("dynamodb"),
        glue=stack.client("glue"),
        ledger_table=stack.ledger_table,
        lake_bucket=stack.lake,
        raw_bucket=stack.raw,
        database=stack.output("DatabaseName"),
    )


def _found(stack: Stack, dataset: str | None, *, query: bool) -> list[Difference]:
    def count(table: str) -> int:
        return int(athena.select(stack, f'SELECT count(*) AS rows FROM "{table}"')["rows"][0])  # noqa: S608

    with output.status("comparing"):
        return list(differences(stores(stack), dataset=dataset, now=time.time(), count=count if query else None))


def _harmful(found: list[Difference]) -> bool:
    return any(each.kind not in HARMLESS for each in found)


def _print(found: list[Difference], repaired: list[Difference]) -> None:
    if repaired:
        kinds = Counter(each.kind for each in repaired)
        output.out.print(f"repaired: {output.counts(dict(kinds))}", highlight=False)
    for kind, advice in ADVICE.items():
        some = [each for each in found if each.kind == kind]
        if not some:
            continue
        output.out.print(f"{kind}: {len(some):,}", style="bold red", highlight=False)
        for each in some[:_MOST]:
            output.out.print(f"  {each.subject}  {each.source}  {each.detail}", highlight=False, soft_wrap=True)
        if len(some) > _MOST:
            output.out.print(f"  and {len(some) - _MOST:,} more: --json lists them", style="dim", highlight=False)
        output.hint(advice)
    if not _harmful(found):
        output.out.print("the lake is as the ledger promises", highlight=False)
