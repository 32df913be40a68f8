"""`sluice migrate`: cleans the files again that an older contract has published, or one of another name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import typer

from cli.batch.candidates import put_again
from cli.batch.progress import exit_code, print_failures, run_all
from cli.batch.runner import Candidate, batches_of
from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, ParallelRuns
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.engines.accounting import declared_tables
from sluice.errors import UnknownKey
from sluice.ledger.ledger import PUBLISHED
from sluice.manifest import Manifest, TableDeclaration
from sluice.publish.lake import Lake, read_manifest
from sluice.publish.tables import contract_version

_EVER = "0000"


@dataclass(frozen=True)
class Group:
    """The files whose rows one version of a contract has published in one table.

    cost_usd, cleaning_seconds: what their cleaning took then. columns: what of them is otherwise now.
    """

    dataset: str
    version: int
    files: int
    rows: int
    cost_usd: float
    cleaning_seconds: float
    columns: list[str]


def migrate(
    dataset: Annotated[str, typer.Argument(help="The dataset, as its deployed contract calls it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    at_a_time: ParallelRuns = 4,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Clean the files again that an older version of the contract has published.

    After a change of the contract, published rows keep the values of their version. What has changed, the files, their
    rows, cost and time are shown before you agree. Each file is cleaned again by the deployed contract, and its new
    rows replace the old ones, as with sluice replay.

    A table cannot take every change (docs/contract.md#changes): then give the dataset a new name and deploy. Its files
    move: the rows of each leave the table of the former name when they are in the new one.

    An interrupted migration continues where it stopped when it is repeated.

    Exit 0: all files are published by the deployed contract. 1: some are not, or it is not deployed. 2: wrong usage.

    Example: sluice migrate sales
    """
    contract = registry.load(dataset)
    where = connect(stack, profile, region)
    _require_deployed(where, contract)
    chosen = _outdated(where, contract)
    groups = list(_groups(where, contract, chosen))
    if groups and not (as_json and yes):
        _print_plan(contract, groups)
    if groups and not yes:
        typer.confirm("Clean them again?", abort=True, err=True)
    candidates = [Candidate(where.key(e["source"]), dataset, _put(where, e)) for e in chosen]
    result = run_all(where, batches_of(candidates), at_a_time)
    if as_json:
        output.print_json(result | {"plan": [asdict(group) for group in groups]})
    else:
        _print(contract, groups, result)
        print_failures(result)
    raise typer.Exit(exit_code(result))


def _require_deployed(stack: Stack, contract: Contract) -> None:
    """The quarantine table is a Parquet table for every kind of dataset."""
    glue, name = stack.client("glue"), f"{contract.name}_quarantine"
    try:
        table = glue.get_table(DatabaseName=stack.output("DatabaseName"), Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        output.fail(f"{stack.name} has no dataset {contract.name}: deploy it first", code=1)
    if contract_version(table) < contract.version:
        output.fail(f"{stack.name} has no version {contract.version} of {contract.name}: deploy it first", code=1)


def _outdated(stack: Stack, contract: Contract) -> list[Entry]:
    """Return the published files of a dataset's keys that another contract has cleaned, if they have rows."""
    entries = [
        entry
        for entry in history.changed(stack, _EVER, status=PUBLISHED)
        if entry["rows"]
        and (entry["dataset"] != contract.name or entry["contract_version"] < contract.version)
        and _dataset_of(stack.key(entry["source"])) == contract.name
    ]
    return sorted(history.published_now(stack, entries), key=lambda entry: str(entry["source"]))


def _dataset_of(key: str) -> str | None:
    try:
        return registry.match(key).dataset
    except UnknownKey:
        return None


def _groups(stack: Stack, contract: Contract, chosen: Sequence[Entry]) -> Iterator[Group]:
    found: dict[tuple[str, int], list[Entry]] = {}
    for entry in chosen:
        found.setdefault((entry["dataset"], entry["contract_version"]), []).append(entry)
    lake = Lake(stack.client("s3"), stack.lake)
    for (dataset, version), entries in sorted(found.items()):
        (head,) = history.heads(stack, [entries[0]["source"]]).values()
        former = read_manifest(lake, head["published_manifest"]).account
        yield Group(
            dataset,
            int(version),
            len(entries),
            sum(entry["rows"] for entry in entries),
            sum(entry["cost_usd"] for entry in entries),
            sum(entry["cleaning_seconds"] for entry in entries),
            list(_changes(former, declared_tables(contract))),
        )


def _changes(old: Manifest, new: TableDeclaration) -> Iterator[str]:
    before, after = _types(old), _types(new)
    yield from (f"{name} is no longer there" for name in before if name not in after)
    yield from (f"{name} is new" for name in after if name not in before)
    for name, type_ in after.items():
        if before.get(name, type_) != type_:
            yield f"{name} is {type_} instead of {before[name]}"
    if old.partition_columns != new.partition_columns:
        yield f"partitioned by {', '.join(each['name'] for each in new.partition_columns) or 'nothing'}"
    if old.table != new.table:
        yield f"the table is {new.table} instead of {old.table}"


def _types(of: Manifest | TableDeclaration) -> dict[str, str]:
    return {column["name"]: column["type"] for column in (*of.schema, *of.partition_columns)}


def _put(stack: Stack, entry: Entry) -> Any:
    return partial(put_again, stack, stack.key(entry["source"]), entry["version"])


def _print_plan(contract: Contract, groups: Sequence[Group]) -> None:
    table = Listing(("from", "files", "rows", "columns"), right=("files", "rows"), prose=("columns",))
    for group in groups:
        name = f"{group.dataset} version {group.version}"
        table.add_row(name, f"{group.files:,}", f"{group.rows:,}", "; ".join(group.columns) or "the same")
    table.print(output.err)
    cost, seconds = sum(group.cost_usd for group in groups), sum(group.cleaning_seconds for group in groups)
    files, rows = sum(group.files for group in groups), sum(group.rows for group in groups)
    output.err.print(
        f"to {contract.name} version {contract.version}: {output.plural(files, 'file')}, {output.rows(rows)}, about "
        f"{output.usd(cost)} and {seconds:,.0f} s of cleaning, as they took before",
        highlight=False,
    )


def _print(contract: Contract, groups: Sequence[Group], result: Mapping[str, Any]) -> None:
    if not groups:
        output.headline("nothing to do", "bold green", f"version {contract.version} has cleaned all of {contract.name}")
        return
    published = result["statuses"].get(PUBLISHED, 0)
    whole = published == sum(group.files for group in groups)
    output.headline("migrated" if whole else "incomplete", f"bold {'green' if whole else 'red'}", contract.name)
    output.facts({"files": f"{published:,} published", "time": f"{result['seconds']:.1f} s"})
    for former in sorted({group.dataset for group in groups} - {contract.name} if whole else ()):
        output.out.print(f"The table {former} has no rows of these files any more.", highlight=False)
